"""What more than one file of tests looks at."""

import pytest
from filelock import FileLock

from tests.contract.renderings import Renderings


@pytest.fixture(scope="session")
def renderings(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Renderings:
    """Render everything once, whichever worker comes first."""
    base = tmp_path_factory.getbasetemp()
    folder = base / "renderings" if worker_id == "master" else base.parent / "renderings"
    made = Renderings(folder)
    with FileLock(f"{folder}.lock"):
        if not made.made:
            made.make()
    return made
