"""The lock of a namespace: taken, refused, taken over, renewed, freed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.rowhouse.platform.plugins.module_utils.lease import (
    SECONDS,
    DeployLock,
    HeldError,
    LostError,
)
from ansible_collections.rowhouse.platform.plugins.module_utils.run_link import Holder
from kubernetes import config

from tests.unit.lease_api import CONTEXT, LeaseApi, served

NAMESPACE = "rowhouse-dev"
ALICE = Holder("alice-1", "alice", "laptop", "ansible-playbook deploy.yml")
BOB = Holder("bob-1", "bob", "server", "ansible-playbook deploy.yml -i inventories/dev")


@pytest.fixture
def api() -> LeaseApi:
    return LeaseApi({NAMESPACE: None})


@pytest.fixture
def lock(api: LeaseApi, tmp_path: Path) -> Iterator[DeployLock]:
    with served(api, tmp_path) as kubeconfig:
        yield DeployLock(config.new_client_from_config(str(kubeconfig), CONTEXT), NAMESPACE)


def set_back(api: LeaseApi, seconds: int) -> None:
    """Let the last renewal be so many seconds ago."""
    lease = api.leases[NAMESPACE]
    assert lease
    lease["spec"]["renewTime"] = (api.now() - timedelta(seconds=seconds)).isoformat()


def test_a_lock_says_whose_it_is(lock: DeployLock) -> None:
    assert lock.look() is None
    assert lock.take(ALICE) is None
    lease = lock.look()
    assert lease
    assert lease.holder == ALICE
    assert lease.is_live
    assert 0 <= SECONDS - lease.seconds_left <= 5
    assert lease.told == f"alice on laptop since {lease.since:%Y-%m-%d %H:%M:%S} UTC, by `ansible-playbook deploy.yml`"


def test_another_run_is_refused_and_the_same_one_is_not(lock: DeployLock) -> None:
    lock.take(ALICE)
    assert lock.take(ALICE) is None
    with pytest.raises(HeldError) as raised:
        lock.take(BOB)
    assert raised.value.lease.holder == ALICE


def test_a_dead_holders_lock_is_taken_over(api: LeaseApi, lock: DeployLock) -> None:
    lock.take(ALICE)
    set_back(api, SECONDS - 5)
    with pytest.raises(HeldError):
        lock.take(BOB)
    set_back(api, SECONDS + 5)
    dead = lock.take(BOB)
    assert dead
    assert dead.holder == ALICE
    lease = lock.look()
    assert lease
    assert lease.holder == BOB
    assert lease.uid != dead.uid


def test_one_that_is_renewed_at_the_last_moment_is_not_taken_over(api: LeaseApi, lock: DeployLock) -> None:
    lock.take(ALICE)
    set_back(api, SECONDS + 5)
    answer = api.answer

    def renewed_before_it_is_deleted(method: str, path: str, body: object) -> tuple[int, dict[str, object]]:
        if method == "DELETE":
            change = [{"value": "alice-1"}, {"value": api.now().isoformat()}]
            answer("PATCH", path, change)
        return answer(method, path, body)

    api.answer = renewed_before_it_is_deleted  # type: ignore[method-assign]
    with pytest.raises(HeldError):
        lock.take(BOB)


def test_the_clock_that_counts_is_the_clusters(api: LeaseApi, lock: DeployLock) -> None:
    api.ahead = timedelta(hours=1)
    lock.take(ALICE)
    lease = api.leases[NAMESPACE]
    assert lease
    renewed = datetime.fromisoformat(lease["spec"]["renewTime"])
    assert abs(renewed - datetime.now(UTC) - api.ahead) < timedelta(seconds=5)
    with pytest.raises(HeldError):
        lock.take(BOB)


def test_a_namespace_is_made_where_there_is_none(api: LeaseApi, lock: DeployLock) -> None:
    api.leases.clear()
    lock.take(ALICE)
    lease = lock.look()
    assert lease
    assert lease.holder == ALICE


def test_a_renewal_puts_off_the_end(api: LeaseApi, lock: DeployLock) -> None:
    lock.take(ALICE)
    set_back(api, 50)
    before = lock.look()
    lock.renew(ALICE.identity)
    after = lock.look()
    assert before
    assert after
    assert after.seconds_left > before.seconds_left + 40
    assert after.since == before.since


def test_a_renewal_neither_makes_a_lock_nor_takes_one(api: LeaseApi, lock: DeployLock) -> None:
    with pytest.raises(LostError, match="it was removed"):
        lock.renew(ALICE.identity)
    assert api.leases[NAMESPACE] is None
    lock.take(BOB)
    with pytest.raises(LostError, match="it was taken over by bob on server"):
        lock.renew(ALICE.identity)
    lease = lock.look()
    assert lease
    assert lease.holder == BOB


def test_only_its_holder_frees_a_lock(api: LeaseApi, lock: DeployLock) -> None:
    assert lock.free(ALICE.identity) is None
    lock.take(ALICE)
    lock.free(BOB.identity)
    assert api.leases[NAMESPACE]
    lock.free(ALICE.identity)
    assert api.leases[NAMESPACE] is None


def test_what_was_read_is_removed_and_no_later_one(api: LeaseApi, lock: DeployLock) -> None:
    lock.take(ALICE)
    alice = lock.look()
    assert alice
    assert lock.remove(alice)
    assert lock.remove(alice)
    lock.take(BOB)
    assert not lock.remove(alice)
    assert api.leases[NAMESPACE]


def test_a_lease_made_by_hand_is_understood(api: LeaseApi, lock: DeployLock) -> None:
    made = {"metadata": {"name": "deploy"}, "spec": {"holderIdentity": "me"}}
    api.answer("POST", f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases", made)
    with pytest.raises(HeldError, match="held by somebody on an unknown host"):
        lock.take(ALICE)
