"""Whatever is rolled out under a steady load, no request fails, and none is answered by a mixture."""

import json
import time
from functools import partial

import httpx
import pytest

from tests.cluster.output import Run
from tests.cluster.releases import STACK, TABLE
from tests.cluster.upgrade.conftest import (
    FIRST,
    NAMESPACE,
    SECOND,
    SETTING,
    THIRD,
    URL,
    WIDE,
    Upgrades,
    Variables,
    Watched,
)
from tests.cluster.upgrade.editions import Edition

pytestmark = pytest.mark.timeout(900)

type Releases = dict[Edition, Variables]


def test_a_changed_setting(watched: Watched, upgrades: Upgrades, releases: Releases) -> None:
    def change(seconds: int) -> None:
        upgrades.deployment.run("deploy.yml", **releases[FIRST], api_settings={SETTING: seconds})
        assert f"max-age={seconds}" in httpx.get(f"{URL}/places").headers["cache-control"]

    watched.through("a changed setting", *(partial(change, seconds) for seconds in (11, 22, 33)))


def restart(kubectl: Run, part: str) -> None:
    kubectl("rollout", "restart", f"deployment/{part}", "-n", NAMESPACE)
    kubectl("rollout", "status", f"deployment/{part}", "-n", NAMESPACE, "--timeout=120s")


def test_a_restart_of_the_api(watched: Watched, kubectl: Run) -> None:
    watched.through("`kubectl rollout restart` of the API", *[partial(restart, kubectl, "api")] * 2)


def test_a_restart_of_redis(watched: Watched, kubectl: Run) -> None:
    watched.through(
        "`kubectl rollout restart` of Redis", *[partial(restart, kubectl, "redis")] * 2, part="redis", count=1
    )


def test_evicted_pods(watched: Watched, upgrades: Upgrades, kubectl: Run) -> None:
    def evict() -> None:
        name = min(upgrades.pods("api"))
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": NAMESPACE}}
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/eviction"
        kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))
        kubectl("rollout", "status", "deployment/api", "-n", NAMESPACE, "--timeout=120s")

    watched.through("an eviction of a pod, as by the drain of a node", *[evict] * 2, is_replaced=False)


def test_new_data(watched: Watched, upgrades: Upgrades, releases: Releases) -> None:
    def change(edition: Edition) -> None:
        upgrades.deployment.run("deploy.yml", **releases[edition], api_settings={SETTING: 33})
        time.sleep(1)
        assert {httpx.get(f"{URL}/places").json()["meta"]["total"] for _ in range(10)} == {edition.total}

    watched.through("new data", *(partial(change, edition) for edition in (SECOND, THIRD)), is_replaced=False)


def api_image(release: object) -> str:
    """Return the reference of a release's API, as the nodes pull it."""
    path = TABLE["api"]["repository"]
    address = f"http://{STACK['stack_push_registry']}/v2/{path}/manifests/{release}"
    manifest = httpx.head(address, headers={"Accept": "application/vnd.oci.image.manifest.v1+json"}).raise_for_status()
    return f"{STACK['stack_pull_registry']}/{path}@{manifest.headers['docker-content-digest']}"


def test_another_image(watched: Watched, upgrades: Upgrades, releases: Releases) -> None:
    newer = {"stack_image_overrides": {"api": api_image(releases[WIDE]["stack_release"])}}
    changes = [partial(upgrades.deployment.run, "deploy.yml", **releases[THIRD], **more) for more in (newer, {})]
    watched.through("another image of the API, and the one of before", *changes)


def test_a_rollback(watched: Watched, upgrades: Upgrades) -> None:
    watched.through("`rollback.yml`", *[partial(upgrades.deployment.run, "playbooks/rollback.yml")] * 2)


def test_no_walk_was_cut_off(watched: Watched) -> None:
    assert watched.walks.whole > 0
    assert watched.walks.expired == 0
