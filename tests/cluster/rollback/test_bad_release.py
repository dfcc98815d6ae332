"""A rollout that fails gives way to the last good release by itself, and the run ends with the reason."""

import httpx
import pytest

from tests.cluster.load import steady_load
from tests.cluster.output import Get, changes, said
from tests.cluster.releases import STACK, TABLE
from tests.cluster.rollback.conftest import NAMESPACE, URL, Deployment, places

NOBODY = f"{STACK['stack_pull_registry']}/{TABLE['api']['repository']}@sha256:{'0' * 64}"

type Variables = dict[str, object]


@pytest.fixture(scope="module")
def good(deployment: Deployment) -> Variables:
    return deployment.build("good", "Ulm", "Bonn")


@pytest.fixture(scope="module")
def first_failure(deployment: Deployment, good: Variables) -> str:
    """Deploy an API that cannot be pulled, to a namespace that does not exist yet."""
    return deployment.fails("deploy.yml", **good, stack_image_overrides={"api": NOBODY})


@pytest.fixture(scope="module")
def deployed(deployment: Deployment, good: Variables, first_failure: str) -> Deployment:  # noqa: ARG001 - it comes first
    deployment.succeeds("deploy.yml", **good)
    return deployment


def test_without_a_good_release_there_is_nothing_to_put_back(deployment: Deployment, first_failure: str) -> None:
    assert "ErrImagePull" in first_failure
    assert "No other release that went well is known, so what was applied stays as it is." in first_failure
    (record,) = deployment.releases()
    assert (record["name"], record["outcome"]) == ("release-1", "failed")


def test_data_settings_and_images_are_those_of_before(deployed: Deployment, good: Variables, get: Get) -> None:
    bad = deployed.build("bad", "Hof")
    image = {"stack_image_overrides": {"api": NOBODY}}
    with steady_load(f"{URL}/places") as load:
        words = deployed.fails("deploy.yml", **bad, **image, api_settings={"http_max_age_seconds": 77}, api_replicas=2)
    assert load.failures == []
    # The reason is what is said last, but for what became of it.
    last = words.rpartition("msg: ")[2]
    assert f"Deployment api in {NAMESPACE}: pod api-" in last
    assert "release-2, the last good release, was put back and runs again after" in last
    assert places() == ["Ulm", "Bonn"]
    assert "max-age=77" not in httpx.get(f"{URL}/places").headers["cache-control"]
    assert get("poddisruptionbudgets", "-n", NAMESPACE)["items"] == []
    record, *_ = deployed.releases()
    assert (record["name"], record["outcome"]) == ("release-3", "restored")
    assert record["reason"].startswith(f"Deployment api in {NAMESPACE}: pod api-")
    assert NOBODY.partition("/")[2] in record["images"]
    # What runs is what a deployment of the good release makes.
    again = deployed.run("deploy.yml", **good)
    assert changes(again) == 0, said(again)
    assert "release-2 runs as before" in said(again)


def test_a_cache_that_was_stopped_for_a_bad_one_is_back(deployed: Deployment, good: Variables, get: Get) -> None:
    words = deployed.fails("deploy.yml", **good, redis_maxmemory="plenty")
    assert "release-2, the last good release, was put back" in words
    assert get("deployment", "redis", "-n", NAMESPACE)["status"]["readyReplicas"] == 1


def test_a_wrong_registry_is_not_what_is_put_back_from(deployed: Deployment, good: Variables, get: Get) -> None:
    words = deployed.fails("deploy.yml", **good, stack_pull_registry=f"{STACK['stack_pull_registry']}/nowhere")
    assert f"StatefulSet postgres in {NAMESPACE}: pod postgres-0: " in words
    assert "release-2, the last good release, was put back" in words
    assert get("statefulset", "postgres", "-n", NAMESPACE)["status"]["readyReplicas"] == 1
    again = deployed.run("deploy.yml", **good)
    assert changes(again) == 0, said(again)


def test_a_release_that_failed_is_not_rolled_back_to(deployed: Deployment) -> None:
    words = deployed.fails("playbooks/rollback.yml", release="release-3")
    assert "release-3 did not go well: Deployment api in" in words
    assert "release-3 (restored), release-2 (good), release-1 (failed)" in words


def test_a_run_that_is_refused_before_any_change_leaves_no_record(deployed: Deployment, good: Variables) -> None:
    before = deployed.releases()
    words = deployed.fails("deploy.yml", **good, api_settings={"cache_ttl_second": 5})
    assert "no such setting" in words
    assert "put back" not in words
    assert deployed.releases() == before
