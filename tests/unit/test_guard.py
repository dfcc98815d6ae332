"""Real runs of ansible-playbook: ended by one signal, and with a lock."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract import role_readme
from tests.unit.lease_api import CONTEXT, LeaseApi, served

NAMESPACE = "rowhouse-dev"
SECONDS = 60
# What a worker writes of such a result does not fit into the pipe at once, so that a signal finds it writing.
LONG = "{{ 'x' * 300000 }}"


@dataclass(frozen=True)
class Run:
    """An ansible-playbook, and the file that it writes to."""

    process: subprocess.Popen[bytes]
    output: Path

    def wait_for(self, text: str, times: int = 1) -> None:
        """Wait until it has said something so many times."""
        until = time.monotonic() + SECONDS
        while self.said().count(text) < times:
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < until, self.said()
            time.sleep(0.005)

    def said(self) -> str:
        return self.output.read_text().replace("x" * 1000, "")

    def end(self) -> int:
        return self.process.wait(SECONDS)


@dataclass(frozen=True)
class Starter:
    """Starts playbooks of the tasks that it is given."""

    folder: Path
    started: list[Run] = field(default_factory=list)

    def __call__(self, name: str, tasks: list[dict[str, Any]], **environment: str) -> Run:
        play = {"name": "Play", "hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
        playbook, output = self.folder / f"{name}.yml", self.folder / f"{name}.log"
        playbook.write_text(yaml.safe_dump([play]))
        command = ["ansible-playbook", "-i", "localhost,", "-e", "password=hunter2", str(playbook)]
        return self.run(command, output, environment)

    def run(self, command: list[str], output: Path, environment: dict[str, str]) -> Run:
        with output.open("wb") as file:
            process = subprocess.Popen(
                command,
                cwd=role_readme.ROOT,
                env=os.environ | {"ANSIBLE_NOCOLOR": "1", "PYTHONUNBUFFERED": "1"} | environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(Run(process, output))
        return self.started[-1]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    starter = Starter(tmp_path)
    yield starter
    for run in starter.started:
        run.process.kill()
        run.process.wait()


@pytest.fixture
def api() -> LeaseApi:
    return LeaseApi({NAMESPACE: None})


@pytest.fixture
def lock(api: LeaseApi, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The task that takes the lock."""
    with served(api, tmp_path) as kubeconfig:
        target = {"kubeconfig": str(kubeconfig), "context": CONTEXT, "namespace": NAMESPACE}
        yield {"name": "Lock", "rowhouse.platform.lock": target}


def sleep(seconds: str) -> dict[str, Any]:
    return {"name": "Sleep", "ansible.builtin.command": f"sleep {seconds}"}


def is_running(words: str) -> bool:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if words in path.read_text().replace("\0", " "):
                return True
        except OSError:
            continue
    return False


@pytest.mark.slow
def test_one_signal_ends_a_run_wherever_it_falls(start: Starter) -> None:
    marker = f"60.{os.getpid()}"
    says = {"name": "Say", "ansible.builtin.debug": {"msg": LONG}, "loop": list(range(30))}
    short = [{"name": f"Short {number}", "ansible.builtin.debug": {"msg": "x"}} for number in range(9)]
    instants = [("PLAY [", 1), ("TASK [Say]", 1), ("item=", 4), ("item=", 15), ("TASK [Short", 5), ("TASK [Sleep]", 1)]
    runs = [start(f"run{number}", [says, *short, sleep(marker)]) for number in range(len(instants))]
    for number, (run, (text, times)) in enumerate(zip(runs, instants, strict=True)):
        run.wait_for(text, times)
        # From a terminal the whole group gets it, from a service manager only the process.
        (os.killpg if number % 2 else os.kill)(run.process.pid, signal.SIGINT)
        assert run.process.wait(20) == -signal.SIGINT, run.said()
        assert "Nothing of this run is left running" in run.said()
    assert not is_running(f"sleep {marker}")


@pytest.mark.slow
def test_what_was_there_before_a_run_outlives_it(start: Starter, tmp_path: Path) -> None:
    """A shell may start something and then become ansible-playbook; then its terminal is closed."""
    playbook = tmp_path / "play.yml"
    playbook.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": [sleep("60")]}]))
    shell = f"sleep 30 & echo $! >{tmp_path}/pid; exec ansible-playbook -i localhost, {playbook}"
    run = start.run(["bash", "-c", shell], tmp_path / "log", {})
    run.wait_for("TASK [Sleep]")
    run.process.send_signal(signal.SIGHUP)
    assert run.process.wait(20) == -signal.SIGHUP
    assert "Ended by SIGHUP." in run.said()
    other = int((tmp_path / "pid").read_text())
    os.kill(other, signal.SIGTERM)  # raises when it is gone


def test_a_run_holds_the_lock_and_frees_it_at_its_end(start: Starter, lock: Mapping[str, Any], api: LeaseApi) -> None:
    done = start.folder / "done"
    first = start(
        "first", [dict(lock), {"name": "Wait", "ansible.builtin.wait_for": {"path": str(done), "timeout": 60}}]
    )
    first.wait_for("TASK [Wait]")
    second = start("second", [dict(lock)])
    assert second.end() == 2
    said = " ".join(second.said().split())
    assert f"{NAMESPACE} is being changed by" in said
    assert "by `ansible-playbook" in said
    assert "playbooks/unlock.yml -i" in said
    assert "hunter2" not in said
    assert api.leases[NAMESPACE]
    done.touch()
    assert first.end() == 0
    assert api.leases[NAMESPACE] is None


@pytest.mark.slow
def test_a_run_that_fails_frees_the_lock(start: Starter, lock: Mapping[str, Any], api: LeaseApi) -> None:
    run = start("run", [dict(lock), {"name": "Fail", "ansible.builtin.fail": {"msg": "so"}}])
    assert run.end() == 2
    assert "POST leases" in api.asked
    assert api.leases[NAMESPACE] is None


@pytest.mark.parametrize(("text", "number"), [("TASK [Lock]", signal.SIGINT), ("TASK [Sleep]", signal.SIGTERM)])
def test_an_interrupted_run_frees_the_lock(
    start: Starter, lock: Mapping[str, Any], api: LeaseApi, text: str, number: signal.Signals
) -> None:
    run = start("run", [dict(lock), sleep("60")])
    run.wait_for(text)
    run.process.send_signal(number)
    assert run.process.wait(20) == -number
    assert api.leases[NAMESPACE] is None


@pytest.mark.slow
def test_a_run_that_lost_its_lock_stops_and_says_why(start: Starter, lock: Mapping[str, Any], api: LeaseApi) -> None:
    run = start("run", [dict(lock), sleep("60")])
    run.wait_for("TASK [Sleep]")
    api.leases[NAMESPACE] = None
    assert run.process.wait(20) == 1
    assert f"The lock of {NAMESPACE} is no longer held by this run: it was removed" in run.said()


@pytest.mark.slow
def test_without_the_callback_nothing_is_locked(start: Starter, lock: Mapping[str, Any], api: LeaseApi) -> None:
    run = start("run", [dict(lock)], ANSIBLE_CALLBACKS_ENABLED="ansible.builtin.default")
    assert run.end() == 2
    assert "callbacks_enabled = rowhouse.platform.guard" in " ".join(run.said().split())
    assert "POST leases" not in api.asked
