"""Each fault is made on a deployment of its own (molecule's), and leaves a line in a table: promised, and seen."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from tests.cluster.machine import ROOT
from tests.cluster.output import Run, said

INVENTORY = ROOT / "molecule/inventory"
VARIABLES = yaml.safe_load((INVENTORY / "group_vars/all/main.yml").read_text())
NAMESPACE = f"rowhouse-{VARIABLES['stack_environment']}"
URL = f"http://127.0.0.1:{VARIABLES['api_node_port']}"
# Where the table goes; make test-all keeps it in docs/.
TABLE = os.environ.get("FAULTS_TABLE")

type Note = Callable[[str, str, str], None]

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
    if TABLE:
        Path(TABLE).write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="session")
def deploy(ansible_playbook: Run) -> Run:
    """Deploy molecule's environment with further variables."""

    def run(**variables: object) -> subprocess.CompletedProcess[str]:
        return ansible_playbook("deploy.yml", "-i", str(INVENTORY), "-e", json.dumps(variables))

    return run


@pytest.fixture(scope="session", autouse=True)
def _mended(deploy: Run) -> Iterator[None]:
    """Begin with a good deployment, and leave one behind."""
    done = deploy()
    assert done.returncode == 0, said(done)
    yield
    done = deploy()
    assert done.returncode == 0, said(done)


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(base_url=URL, timeout=10) as client:
        yield client
