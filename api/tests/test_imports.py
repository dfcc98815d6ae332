"""What importing costs."""

import subprocess
import sys
from pathlib import Path

import rowhouse


def test_the_serving_process_begins_without_what_it_may_never_need() -> None:
    program = (
        "import sys, rowhouse.server; print([name for name in"
        " ('sqlalchemy.orm', 'rowhouse.loader', 'arro3.core', 'arro3.io', 'obstore', 'offapi', 'regex', 'chartkick',"
        " 'js_lib_leaflet', 'countryinfo') if name in sys.modules])"
    )
    source = str(Path(rowhouse.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": source}, text=True, capture_output=True, check=True
    )
    assert done.stdout == "[]\n"
