"""`make up` as its user meets it: again, and interrupted."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.inventory import copied_inventory
from tests.cluster.machine import ROOT
from tests.cluster.output import Run, changes

SECOND_RUN_SECONDS = 60


def make_up(*variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", "up", *variables], cwd=ROOT, capture_output=True, text=True)


@dataclass(frozen=True)
class TimedRun:
    done: subprocess.CompletedProcess[str]
    seconds: float


@pytest.fixture(scope="module")
def second_run() -> TimedRun:
    started = time.monotonic()
    return TimedRun(make_up(), time.monotonic() - started)


@pytest.mark.alone
def test_a_second_run_is_quick_and_changes_nothing(second_run: TimedRun) -> None:
    assert second_run.done.returncode == 0, second_run.done.stdout + second_run.done.stderr
    assert changes(second_run.done) == 0, second_run.done.stdout
    assert second_run.seconds < SECOND_RUN_SECONDS


@pytest.mark.alone
def test_it_prints_the_url_and_a_curl_line_with_its_answer(second_run: TimedRun) -> None:
    printed = second_run.done.stdout
    url = re.search(r"curl '?(http://127\.0\.0\.1:30800/air_quality[^'\s]*)", printed)
    assert url, printed
    with urllib.request.urlopen(url[1]) as answer:
        assert answer.read().decode() in printed


@pytest.fixture
def empty_environment(tmp_path: Path, kubectl: Run) -> Iterator[Path]:
    """An inventory of its own, whose namespace does not exist yet."""
    variables = {"stack_environment": "interrupted", "stack_context": "dev", "api_node_port": 30811}
    yield copied_inventory(tmp_path, variables)
    kubectl("delete", "namespace", "rowhouse-interrupted", "--ignore-not-found", "--wait=false")


def interrupt(process: subprocess.Popen[bytes]) -> str:
    """Press Ctrl-C once and return what it said."""
    os.killpg(process.pid, signal.SIGINT)
    return process.communicate(timeout=20)[0].decode()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_an_interrupted_run_is_simply_run_again(empty_environment: Path) -> None:
    inventory = f"INVENTORY={empty_environment}"
    # Wherever the signal falls, within the cluster's checks or the deployment's, it ends the run and nothing else.
    for seconds in (6, 20):
        interrupted = subprocess.Popen(
            ["make", "up", inventory],
            cwd=ROOT,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        time.sleep(seconds)
        output = interrupt(interrupted)
        assert interrupted.returncode != 0, output

    done = make_up(inventory)
    assert done.returncode == 0, done.stdout + done.stderr
    with urllib.request.urlopen("http://127.0.0.1:30811/air_quality") as answer:
        assert json.load(answer)["meta"]["total"] == 149151
