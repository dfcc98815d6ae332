"""What importing costs."""

import subprocess
import sys
from pathlib import Path

import rowhouse


def test_the_serving_process_does_without_sqlalchemys_orm() -> None:
    program = "import sys, rowhouse.server; print('sqlalchemy.orm' in sys.modules, 'rowhouse.loader' in sys.modules)"
    source = str(Path(rowhouse.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": source}, text=True, capture_output=True, check=True
    )
    assert done.stdout == "False False\n"
