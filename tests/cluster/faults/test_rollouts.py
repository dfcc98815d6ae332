"""A rollout that cannot succeed ends at once with the reason, and the old pods go on serving."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.faults.conftest import NAMESPACE, URL, Note, Release, mend
from tests.cluster.inventory import copied_inventory
from tests.cluster.load import steady_load
from tests.cluster.output import Run, said
from tests.cluster.releases import STACK, TABLE

NOBODY = f"{STACK['stack_pull_registry']}/{TABLE['api']['repository']}@sha256:{'0' * 64}"
# A job's first pod was made before the quota was there.
QUOTA = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "full"}, "spec": {"hard": {"pods": "1"}}}
CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "nobody"},
    "provisioner": "example.com/nobody",
}

type Fails = Callable[..., str]


@pytest.fixture(scope="module", autouse=True)
def _good(deploy: Run) -> None:
    """Have the repository's data in the last good release, which is put back each time: no load is to come before."""
    mend(deploy)


@pytest.fixture
def fails(deploy: Run, note: Note) -> Fails:
    """Deploy what cannot succeed, under a load that must not notice it; returns what the run said."""

    def run(fault: str, reason: str, **variables: object) -> str:
        started = time.monotonic()
        with steady_load(f"{URL}/air_quality", fresh=True) as load:
            done = deploy(**variables)
        took = time.monotonic() - started
        output = said(done)
        assert done.returncode != 0, output
        found = re.search(reason, output)
        assert found, output
        assert load.failures == []
        served = f"{load.requests} requests meanwhile, none failed"
        # What may follow is where the task is written.
        told = found[0].partition(" Origin: ")[0]
        note(fault, "the run ends with the reason, the old pods serve", f"after {took:.0f} s: {told}; {served}")
        return output

    return run


@contextmanager
def existing(kubectl: Run, definition: Mapping[str, object], *words: str) -> Iterator[None]:
    kubectl("create", "-f", "-", *words, stdin=json.dumps(definition))
    try:
        yield
    finally:
        kubectl("delete", "-f", "-", *words, stdin=json.dumps(definition))


def test_an_image_that_cannot_be_pulled(fails: Fails) -> None:
    fails(
        "an image that the registry does not have",
        r"Deployment api in \S+: pod api-\S+: (ErrImagePull|ImagePullBackOff): .{0,80}",
        stack_image_overrides={"api": NOBODY},
    )


def test_a_crash_loop_shows_the_last_log_lines(fails: Fails) -> None:
    output = fails(
        "a container that crashes again and again",
        r"Deployment redis in \S+: pod redis-\S+: CrashLoopBackOff: .{0,80}",
        redis_maxmemory="plenty",
    )
    assert re.search(r"Last lines of redis in pod redis-\S+:.*'maxmemory plenty'", output)


def test_pods_that_never_become_ready(fails: Fails) -> None:
    fails(
        "pods that never become ready",
        r"Deployment api in \S+: not ready after 30 s: .{0,80}",
        api_resources={"requests": {"cpu": "1m", "memory": "128Mi"}, "limits": {"cpu": "5m", "memory": "384Mi"}},
        stack_rollout_timeout=30,
    )


def test_pods_that_fit_on_no_node(fails: Fails) -> None:
    fails(
        "requests that no node can give",
        r"Deployment api in \S+: pod api-\S+: Unschedulable: .{0,80}",
        api_resources={"requests": {"cpu": "500", "memory": "128Mi"}, "limits": {"cpu": "500", "memory": "384Mi"}},
    )


@pytest.mark.parametrize(
    ("what", "reason", "variables"),
    [
        ("a Deployment", "Deployment api", {"api_settings": {"log_level": "warning"}}),
        (
            "a Job",
            r"Job load-\S+",
            {
                "postgres_load_resources": {
                    "requests": {"cpu": "51m", "memory": "64Mi"},
                    "limits": {"cpu": "1", "memory": "256Mi"},
                }
            },
        ),
    ],
)
def test_a_quota(kubectl: Run, fails: Fails, what: str, reason: str, variables: dict[str, object]) -> None:
    with existing(kubectl, QUOTA, "-n", NAMESPACE):
        fails(
            f"a quota that keeps {what} from making pods",
            rf"{reason} in \S+: pods cannot be created: .{{0,100}}exceeded quota: full",
            **variables,
        )


def test_a_load_with_a_bad_row(fails: Fails, another_release: Release) -> None:
    output = fails(
        "a data file with a bad row",
        r"Job load-\S+ in \S+: Job failed: .{0,60}",
        **another_release(lambda rows: [*rows, "149152,2020-01-01,DEBW087,48.3,9.2,much"]),
    )
    assert "line 149153" in output
    assert "column pm10" in output
    assert "much" in output


def test_a_volume_that_nobody_provides(kubectl: Run, ansible_playbook: Run, note: Note, tmp_path: Path) -> None:
    variables = {"stack_environment": "unbound", "stack_context": "molecule", "api_node_port": 30815}
    inventory = copied_inventory(tmp_path, variables, of="molecule/inventory")
    with existing(kubectl, CLASS), gone_afterwards(kubectl, "rowhouse-unbound"):
        done = ansible_playbook("deploy.yml", "-i", str(inventory), "-e", "postgres_storage_class=nobody")
    found = re.search(r"StatefulSet postgres in \S+: .*?unbound immediate PersistentVolumeClaims", said(done))
    assert found, said(done)
    note("a volume that nobody provides", "the run ends with the reason", found[0])


@contextmanager
def gone_afterwards(kubectl: Run, namespace: str) -> Iterator[None]:
    try:
        yield
    finally:
        kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=false")
