"""make dataset: a folder with everything in it, or nothing."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from rowhouse.description import read_datasets

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the verb needs of a clone, with this environment."""
    clone = tmp_path / "clone"
    for name in ("scripts", "api/src"):
        shutil.copytree(ROOT / name, clone / name)
    for name in ("Makefile", "requirements.txt", "api/requirements.txt"):
        shutil.copy(ROOT / name, clone / name)
    (clone / ".venv").symlink_to(ROOT / ".venv")
    (clone / "files/datasets").mkdir(parents=True)
    (tmp_path / "My cities.csv").write_text("id;city\n1;Köln\n2;Łódź\n")
    (tmp_path / "empty.csv").touch()
    return clone


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Only what is given counts: a shell's own NAME or FILE must not.
    environment = {name: value for name, value in os.environ.items() if name not in ("FILE", "NAME")}
    call = ["make", "--silent", "dataset", *arguments]
    return subprocess.run(call, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def test_a_dataset_is_made_and_what_comes_next_is_said(checkout: Path) -> None:
    done = make(checkout, "FILE=../My cities.csv", "NAME=cities")
    assert done.returncode == 0, done.stderr
    folder = checkout / "files/datasets/cities"
    assert sorted(path.name for path in folder.iterdir()) == ["My cities.csv", "README.md", "dataset.yml"]
    (dataset,) = read_datasets(checkout / "files/datasets")
    assert (dataset.name, dataset.file, dataset.key.name) == ("cities", "My cities.csv", "id")
    assert "Look at files/datasets/cities/dataset.yml" in done.stdout
    assert done.stdout.endswith("Then: make up\n")
    assert list((checkout / "files").iterdir()) == [checkout / "files/datasets"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "FILE and NAME are needed: make dataset FILE=path/to/my.csv NAME=my_table"),
        (("NAME=cities",), "FILE and NAME are needed"),
        (("FILE=../My cities.csv",), "FILE and NAME are needed"),
        (
            ("FILE=../My cities.csv", "NAME=../x"),
            "NAME is that of a folder and a route, and ../x cannot be: make dataset",
        ),
        (("FILE=../My cities.csv", "NAME=Cities"), "the folder's name 'Cities' becomes the route"),
        (("FILE=../My cities.csv", "NAME=health"), "'health' is a route of the API itself"),
        (("FILE=../My cities.csv", "NAME=there"), "files/datasets/there is there already. Choose another NAME"),
        (("FILE=../none.csv", "NAME=cities"), "none.csv: cannot be read (No such file or directory)"),
        (
            ("FILE=../none.csv", "NAME=cities"),
            "nothing was made. Mend what is said above, then call: make dataset FILE=",
        ),
        (("FILE=../empty.csv", "NAME=cities"), "empty.csv: "),
        (("FILE=README.md", "NAME=cities"), "FILE must not be named README.md"),
    ],
)
def test_a_wrong_call_makes_nothing(checkout: Path, arguments: tuple[str, ...], said: str) -> None:
    (checkout / "files/datasets/there").mkdir()
    done = make(checkout, *arguments)
    assert done.returncode != 0
    assert said in done.stderr
    assert list((checkout / "files").rglob("*")) == [checkout / "files/datasets", checkout / "files/datasets/there"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_when_it_is_interrupted_nothing_stays(checkout: Path, number: signal.Signals) -> None:
    # Nobody writes into it, so that it is never read to its end.
    os.mkfifo(checkout / "endless.csv")
    environment = os.environ | {"FILE": "endless.csv", "NAME": "cities"}
    with subprocess.Popen(["scripts/dataset"], cwd=checkout, env=environment, start_new_session=True) as process:
        deadline = time.monotonic() + 20
        while not list((checkout / "files").glob(".dataset.*/dataset.yml")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(process.pid, number)
    assert process.returncode != 0
    assert list((checkout / "files").rglob("*")) == [checkout / "files/datasets"]
