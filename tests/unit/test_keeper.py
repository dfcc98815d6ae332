"""The thread that keeps the locks of a run."""

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.rowhouse.platform.plugins.module_utils.keeper import Freed, Keeper, Pace
from ansible_collections.rowhouse.platform.plugins.module_utils.lease import DeployLock
from ansible_collections.rowhouse.platform.plugins.module_utils.run_link import Holder, Target
from kubernetes import config

from tests.unit.lease_api import CONTEXT, LeaseApi, served

NAMESPACE = "rowhouse-dev"
ALICE = Holder("alice-1", "alice", "laptop", "ansible-playbook deploy.yml")
BOB = Holder("bob-1", "bob", "server", "ansible-playbook deploy.yml")


@dataclass
class House:
    """A keeper of Alice's run, and how the locks look to others."""

    api: LeaseApi
    keeper: Keeper
    target: Target
    lost: queue.Queue[str]

    @property
    def lock(self) -> DeployLock:
        return DeployLock(config.new_client_from_config(self.target.kubeconfig, CONTEXT), NAMESPACE)

    def take(self, holder: Holder = ALICE) -> None:
        """Do what the action does."""
        self.keeper.link.tell(self.target, held=False)
        self.lock.take(holder)
        self.keeper.link.tell(self.target, held=True)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    lost: queue.Queue[str] = queue.Queue()
    api = LeaseApi({NAMESPACE: None})
    with served(api, tmp_path) as kubeconfig:
        keeper = Keeper(ALICE, lost.put, threading.Lock(), Pace(every=0.05, again=0.05, tick=0.02, free=1.5))
        keeper.start()
        yield House(api, keeper, Target(str(kubeconfig), CONTEXT, NAMESPACE), lost)
        keeper.free()


def renewals(api: LeaseApi, number: int) -> bool:
    """Wait until so many were asked for; False when they do not come."""
    for _ in range(500):
        if api.asked.count("PATCH deploy") >= number:
            return True
        time.sleep(0.01)
    return False


def test_what_is_held_is_renewed_again_and_again_and_freed(house: House) -> None:
    house.take()
    assert renewals(house.api, 3)
    assert house.keeper.free() == Freed((NAMESPACE,), ())
    assert house.api.leases[NAMESPACE] is None
    assert house.lost.empty()


def test_a_run_without_a_lock_frees_none(house: House) -> None:
    assert house.keeper.free() == Freed((), ())
    assert house.api.asked == []


def test_a_lock_of_somebody_else_is_neither_renewed_nor_freed(house: House) -> None:
    house.lock.take(BOB)
    house.keeper.link.tell(house.target, held=False)
    assert house.keeper.free() == Freed((), ())
    assert house.api.leases[NAMESPACE]
    assert not house.api.asked.count("PATCH deploy")


def test_what_a_killed_task_had_asked_for_is_freed_although_it_comes_late(house: House) -> None:
    house.keeper.link.tell(house.target, held=False)
    answer, looks = house.api.answer, []

    def late(method: str, path: str, body: object) -> tuple[int, dict[str, object]]:
        looks.append(method)
        if len(looks) == 3:
            house.lock.take(ALICE)
        return answer(method, path, body)

    house.api.answer = late  # type: ignore[method-assign]
    assert house.keeper.free() == Freed((NAMESPACE,), ())
    assert house.api.leases[NAMESPACE] is None


def test_a_lost_lock_is_told_once_and_left_alone(house: House) -> None:
    house.take()
    lease = house.lock.look()
    assert lease
    house.lock.remove(lease)
    assert "is no longer held by this run: it was removed" in house.lost.get(timeout=5)
    house.lock.take(BOB)
    assert house.keeper.free() == Freed((), ())
    assert house.api.leases[NAMESPACE]
    assert house.lost.empty()


def test_a_cluster_that_does_not_answer_for_a_while_is_asked_again(house: House) -> None:
    house.take()
    house.api.refuses = 503
    assert renewals(house.api, house.api.asked.count("PATCH deploy") + 3)
    house.api.refuses = 0
    assert house.keeper.free() == Freed((NAMESPACE,), ())
    assert house.lost.empty()


def test_what_cannot_be_freed_is_said(house: House) -> None:
    house.take()
    house.api.refuses = 503
    assert house.keeper.free() == Freed((), (NAMESPACE,))
    house.api.refuses = 0
