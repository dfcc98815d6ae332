"""One run at a time changes an environment, and an interrupted one is simply run again."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.rowhouse.platform.plugins.module_utils.lease import COMMAND, HOST, NAME, SECONDS, USER

from tests.cluster.inventory import copied_inventory
from tests.cluster.machine import ROOT
from tests.cluster.objects import contents, without_addresses
from tests.cluster.output import Run, changes, said

NAMESPACE = "rowhouse-lock"
PORT = 30841
# Where a run takes its lock; before it nothing is changed.
LOCK = f"Ensure that no other run changes {NAMESPACE}"


@dataclass(frozen=True)
class House:
    """An environment of its own, and a playbook that takes its lock and then waits for a file."""

    kubectl: Run
    ansible_playbook: Run
    inventory: Path
    waits: Path
    go_on: Path

    def hold(self, since_renewal: int) -> None:
        """Make the Lease of a run that renewed it so many seconds ago."""
        now = datetime.now(UTC)
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": NAME, "annotations": {USER: "alice", HOST: "laptop", COMMAND: "ansible-playbook x"}},
            "spec": {
                "holderIdentity": "alice-1",
                "leaseDurationSeconds": SECONDS,
                "acquireTime": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M:%S.%fZ}",
                "renewTime": f"{now - timedelta(seconds=since_renewal):%Y-%m-%dT%H:%M:%S.%fZ}",
            },
        }
        self.kubectl("create", "-n", NAMESPACE, "-f", "-", stdin=json.dumps(lease))

    def lease(self) -> dict[str, Any] | None:
        found = json.loads(self.kubectl("get", "leases", "-n", NAMESPACE, "--output=json").stdout)["items"]
        return found[0] if found else None

    def play(self, playbook: Path | str) -> subprocess.CompletedProcess[str]:
        return self.ansible_playbook(str(playbook), "-i", str(self.inventory))

    def start(self, playbook: Path | str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [ROOT / ".venv/bin/ansible-playbook", str(playbook), "-i", str(self.inventory)],
            cwd=ROOT,
            env=os.environ | {"PYTHONUNBUFFERED": "1", "ANSIBLE_NOCOLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture
def house(tmp_path: Path, kubectl: Run, ansible_playbook: Run) -> Iterator[House]:
    variables = {"stack_environment": "lock", "stack_context": "dev", "api_node_port": PORT}
    go_on, waits = tmp_path / "go_on", tmp_path / "waits.yml"
    lock = {"name": "Lock", "ansible.builtin.import_role": {"name": "rowhouse.platform.stack", "tasks_from": "lock"}}
    wait = {"name": "Wait", "ansible.builtin.wait_for": {"path": str(go_on), "timeout": 200}}
    waits.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": [lock, wait]}]))
    kubectl("create", "namespace", NAMESPACE)
    yield House(kubectl, ansible_playbook, copied_inventory(tmp_path, variables), waits, go_on)
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")


def wait_until(condition: Callable[[], object], seconds: int) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.5)


def test_a_held_lock_is_refused_and_named_a_dead_one_is_taken_and_unlock_says_whose_it_was(house: House) -> None:
    house.hold(since_renewal=10)
    unlock = f"ansible-playbook playbooks/unlock.yml -i {os.path.relpath(house.inventory, ROOT)}"
    refused = house.play("deploy.yml")
    assert refused.returncode == 2
    assert f"{NAMESPACE} is being changed by alice on laptop since" in said(refused)
    assert "by `ansible-playbook x`. Wait until that run has ended; if it has died" in said(refused)
    assert unlock in said(refused)
    assert changes(refused) == 0

    unlocked = house.play("playbooks/unlock.yml")
    assert f"the lock of {NAMESPACE} was held by alice on laptop since" in said(unlocked)
    assert house.lease() is None
    assert f"nobody holds the lock of {NAMESPACE}" in said(house.play("playbooks/unlock.yml"))

    house.hold(since_renewal=SECONDS + 5)
    house.go_on.touch()
    taken = house.play(house.waits)
    assert taken.returncode == 0, said(taken)
    assert "took over from alice on laptop since" in said(taken)
    assert house.lease() is None


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_long_run_keeps_its_lock_and_a_killed_one_loses_it_after_a_minute(house: House) -> None:
    run = house.start(house.waits)
    wait_until(house.lease, 30)
    time.sleep(SECONDS + 5)
    assert house.play(house.waits).returncode == 2
    run.kill()
    killed = time.monotonic()
    assert house.play(house.waits).returncode == 2
    house.go_on.touch()
    wait_until(lambda: house.play(house.waits).returncode == 0, SECONDS + 30)
    assert time.monotonic() - killed > SECONDS - 10


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", ["unlocked", "taken over"])
def test_a_run_that_lost_its_lock_stops_and_says_why(house: House, how: str) -> None:
    run = house.start(house.waits)
    wait_until(house.lease, 30)
    if how == "unlocked":
        house.play("playbooks/unlock.yml")
    else:
        house.kubectl("delete", "lease", "-n", NAMESPACE, NAME)
        house.hold(since_renewal=0)
    output, _ = run.communicate(timeout=30)
    assert run.returncode == 1
    told = {"unlocked": "it was removed", "taken over": "it was taken over by alice on laptop"}[how]
    assert f"The lock of {NAMESPACE} is no longer held by this run: {told}" in output


def run_to(house: House, boundary: int) -> bool:
    """Deploy, and press Ctrl-C where that task begins after the lock; return False when there is no such task."""
    run = house.start("deploy.yml")
    assert run.stdout
    lines, begun = [], 0
    for line in run.stdout:
        lines.append(line)
        begun += line.startswith("TASK [") and (begun > 0 or LOCK in line)
        if begun == boundary:
            run.send_signal(signal.SIGINT)
            rest = run.communicate(timeout=30)[0]
            assert run.returncode == -signal.SIGINT, "".join([*lines, rest])
            assert "Nothing of this run is left running" in rest
            assert house.lease() is None
            return True
    assert run.wait() == 0, "".join(lines)
    return False


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_a_first_deployment_that_is_interrupted_at_each_task_converges(house: House) -> None:
    boundary = 1
    while run_to(house, boundary):
        boundary += 1
    # There are as many tasks as before, or this test has not seen them.
    assert boundary > 30
    interrupted = without_secrets(contents(house.kubectl, NAMESPACE))
    again = house.play("deploy.yml")
    assert changes(again) == 0, said(again)
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/air_quality") as answer:
        assert json.load(answer)["meta"]["total"] == 149151

    house.kubectl("delete", "namespace", NAMESPACE)
    undisturbed = house.play("deploy.yml")
    assert undisturbed.returncode == 0, said(undisturbed)
    assert interrupted == without_secrets(contents(house.kubectl, NAMESPACE))


def without_secrets(found: dict[str, Any]) -> str:
    """Return the contents without passwords, which are made anew, and without addresses."""
    for name, item in found.items():
        if name.startswith("Secret/"):
            item["data"] = sorted(item["data"])
    return without_addresses(found)
