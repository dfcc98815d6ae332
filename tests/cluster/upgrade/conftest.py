"""An environment under a steady load, and what is done to it meanwhile: each kind leaves a line in a table."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.checkout import copy_checkout
from tests.cluster.deployment import Deployment
from tests.cluster.inventory import copied_inventory
from tests.cluster.load import Load, asking
from tests.cluster.machine import ROOT
from tests.cluster.output import Get, Run
from tests.cluster.releases import build_release
from tests.cluster.upgrade.answers import Questions
from tests.cluster.upgrade.editions import Edition
from tests.cluster.upgrade.walks import Walks, walking

PORT = 30860
URL = f"http://127.0.0.1:{PORT}"
NAMESPACE = "rowhouse-upgrade"
REPLICAS = 2
ENVIRONMENT = {"stack_environment": "upgrade", "stack_context": "dev", "api_node_port": PORT, "api_replicas": REPLICAS}
EDITIONS = [Edition(1, 3000), Edition(2, 3100), Edition(3, 3200), Edition(4, 3300, is_wide=True)]
FIRST, SECOND, THIRD, WIDE = EDITIONS
# Those that keep their connections, those that do not, and what they ask a second in all at most.
CLIENTS, NEWCOMERS, PACE = 7, 3, 300
# Where the outcome goes; make test-all keeps it in docs/.
OUTCOME = os.environ.get("OUTCOME")
# A setting, by its name in this source and in that of the newer release.
SETTING, NEW_SETTING = "http_max_age_seconds", "freshness_seconds"

type Variables = dict[str, object]
type Change = Callable[[], object]

# What, how often, seconds, requests, failures.
type Line = tuple[str, int, float, int, int]

_rows: list[Line] = []


def total() -> Line:
    """Return the last line of the table."""
    _, times, seconds, requests, failed = zip(*_rows, strict=True)
    return "all", sum(times), sum(seconds), sum(requests), sum(failed)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = ["| rolled out | times | seconds | requests | a second | failed |", "| --- | --- | --- | --- | --- | --- |"]
    for what, times, seconds, requests, failed in [*_rows, *([total()] if _rows else [])]:
        lines.append(f"| {what} | {times} | {seconds:.0f} | {requests} | {requests / seconds:.0f} | {failed} |")
    terminalreporter.write_line("\n".join(lines))
    if OUTCOME:
        Path(OUTCOME).parent.mkdir(exist_ok=True)
        Path(OUTCOME).write_text("\n".join(lines) + "\n")


class Upgrades:
    """The environment, its releases, and the pods that it has.

    Attributes:
        newer: A checkout of a newer release, in whose source a setting has another name.
    """

    def __init__(self, folder: Path, ansible_playbook: Run, get: Get) -> None:
        self._folder = folder
        self._ansible_playbook = ansible_playbook
        self._get = get
        self._inventory = copied_inventory(folder, ENVIRONMENT)
        self.deployment = Deployment(self._inventory, ansible_playbook)
        self.newer = folder / "newer"
        self.newer_deployment = Deployment(self._inventory, partial(ansible_playbook, cwd=self.newer))

    def build(self, edition: Edition) -> Variables:
        """Build the images of a release with this edition; the newer one for a wide one. Returns what deploys it."""
        datasets = self._folder / f"edition-{edition.number}"
        edition.write(datasets)
        run = partial(self._ansible_playbook, cwd=self.newer) if edition.is_wide else self._ansible_playbook
        return build_release(run, self._inventory, f"upgrade-{edition.number}", datasets)

    def make_newer(self) -> None:
        """Make the newer checkout."""
        copy_checkout(self.newer)
        (self.newer / ".venv").symlink_to(ROOT / ".venv")
        for file in (self.newer / "api/src").rglob("*.py"):
            text = file.read_text()
            if SETTING in text:
                file.write_text(text.replace(SETTING, NEW_SETTING))

    def pods(self, name: str) -> dict[str, dict[str, Any]]:
        """Return the pods of a part, also those that end."""
        listed = self._get("pods", "-n", NAMESPACE, "-l", f"app.kubernetes.io/name={name}")["items"]
        return {pod["metadata"]["name"]: pod for pod in listed}

    def wait_for_the_old_to_end(self, name: str, count: int) -> set[str]:
        """Wait until a part has this many pods, and none that ends; returns their names."""
        deadline = time.monotonic() + 90
        while True:
            pods = self.pods(name)
            if len(pods) == count and not any("deletionTimestamp" in pod["metadata"] for pod in pods.values()):
                return set(pods)
            assert time.monotonic() < deadline, f"{name}: {list(pods)}"
            time.sleep(0.5)


@pytest.fixture(scope="session", autouse=True)
def _own_collections() -> Iterator[None]:
    """Have each checkout use its own collection: molecule names that of this one."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def upgrades(
    tmp_path_factory: pytest.TempPathFactory, ansible_playbook: Run, get: Get, kubectl: Run
) -> Iterator[Upgrades]:
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")
    made = Upgrades(tmp_path_factory.mktemp("upgrade"), ansible_playbook, get)
    made.make_newer()
    yield made
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")


@pytest.fixture(scope="session")
def releases(upgrades: Upgrades) -> dict[Edition, Variables]:
    """Build the release of each edition."""
    return {edition: upgrades.build(edition) for edition in EDITIONS}


@pytest.fixture(scope="session")
def questions(upgrades: Upgrades, releases: dict[Edition, Variables]) -> Questions:
    """Deploy the first edition."""
    upgrades.deployment.run("deploy.yml", **releases[FIRST])
    return Questions(URL, upgrades.deployment.create_key("users:write"), EDITIONS)


class Watched:
    """The load on the environment, which goes on through all the tests."""

    clients = CLIENTS + NEWCOMERS

    def __init__(self, upgrades: Upgrades, load: Load, walks: Walks) -> None:
        self._upgrades = upgrades
        self.load = load
        self.walks = walks

    def through(
        self, what: str, *changes: Change, part: str = "api", count: int = REPLICAS, is_replaced: bool = True
    ) -> None:
        """Make changes under the load, note them in the table, and see that no request failed.

        Args:
            what: They are, for the table.
            changes: Each is over when it returns, but for old pods that end.
            part: That they are about.
            count: Of its pods.
            is_replaced: Whether each of its pods is, by each change.
        """
        started, asked, failed = time.monotonic(), self.load.requests, len(self.load.failures)
        walked = len(self.walks.failures)
        for change in changes:
            before = self._upgrades.wait_for_the_old_to_end(part, count)
            change()
            after = self._upgrades.wait_for_the_old_to_end(part, count)
            assert (before & after == set()) is is_replaced, (before, after)
        failures = self.load.failures[failed:] + self.walks.failures[walked:]
        _rows.append((what, len(changes), time.monotonic() - started, self.load.requests - asked, len(failures)))
        assert failures == [], "\n".join(failures)


@pytest.fixture(scope="session")
def watched(upgrades: Upgrades, questions: Questions) -> Iterator[Watched]:
    with ExitStack() as stack:
        clients = {"clients": CLIENTS, "newcomers": NEWCOMERS, "a_second": PACE}
        load = stack.enter_context(asking(questions.ask, questions.judge, **clients))
        walks = stack.enter_context(walking(URL, questions.judge, EDITIONS))
        yield Watched(upgrades, load, walks)
