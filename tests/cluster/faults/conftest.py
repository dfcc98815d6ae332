"""Each fault is made on a deployment of its own (molecule's), and leaves a line in a table: promised, and seen."""

import gzip
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from tests.cluster.machine import ROOT
from tests.cluster.output import Run, said
from tests.cluster.releases import build_release

INVENTORY = ROOT / "molecule/inventory"
VARIABLES = yaml.safe_load((INVENTORY / "group_vars/all/main.yml").read_text())
NAMESPACE = f"rowhouse-{VARIABLES['stack_environment']}"
URL = f"http://127.0.0.1:{VARIABLES['api_node_port']}"
# Where the outcome goes; make test-all keeps it in docs/.
OUTCOME = os.environ.get("OUTCOME")

type Note = Callable[[str, str, str], None]
# From what to do with the lines of the default data, below its header, to the variables that deploy it.
type Release = Callable[[Callable[[list[str]], list[str]]], dict[str, object]]

_rows: list[tuple[str, str, str]] = []


@pytest.fixture(scope="session")
def note() -> Note:
    """Take a line of the table: the fault, what is promised, what was seen."""

    def take(fault: str, promised: str, seen: str) -> None:
        _rows.append((fault, promised, " ".join(seen.split())))

    return take


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = ["| fault | promised | seen |", "| --- | --- | --- |"]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in _rows]
    terminalreporter.write_line("\n".join(lines))
    if OUTCOME:
        Path(OUTCOME).write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="session")
def deploy(ansible_playbook: Run) -> Run:
    """Deploy molecule's environment with further variables."""

    def run(**variables: object) -> subprocess.CompletedProcess[str]:
        return ansible_playbook("deploy.yml", "-i", str(INVENTORY), "-e", json.dumps(variables))

    return run


def mend(deploy: Run) -> None:
    """Put right what a test has left."""
    done = deploy()
    assert done.returncode == 0, said(done)


@pytest.fixture(scope="session", autouse=True)
def _mended(deploy: Run) -> Iterator[None]:
    """Begin with a good deployment, and leave one behind."""
    mend(deploy)
    yield
    mend(deploy)


@pytest.fixture
def _default_data(deploy: Run) -> None:
    """Begin with the data of the repository."""
    mend(deploy)


@pytest.fixture
def another_release(tmp_path: Path, ansible_playbook: Run) -> Release:
    """Build the images of a release with other data."""

    def build(change: Callable[[list[str]], list[str]]) -> dict[str, object]:
        datasets = tmp_path / "datasets"
        shutil.copytree(ROOT / "files/datasets", datasets)
        packed = datasets / "air_quality/air_quality.csv.gz"
        header, *rows = gzip.decompress(packed.read_bytes()).decode().splitlines()
        packed.write_bytes(gzip.compress("".join(f"{line}\n" for line in [header, *change(rows)]).encode(), 1))
        return build_release(ansible_playbook, INVENTORY, "faults", datasets)

    return build


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(base_url=URL, timeout=10) as client:
        yield client
