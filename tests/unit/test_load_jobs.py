"""Which earlier loads have to go."""

from typing import Any

import pytest
from ansible_collections.rowhouse.platform.plugins.filter.load_jobs import load_jobs

IMAGE = "registry/dataset@sha256:1"


def job(name: str, second: int, kind: str = "Complete", image: str = IMAGE, **status: int) -> dict[str, Any]:
    conditions = [{"type": kind, "status": "True"}] if kind else []
    return {
        "metadata": {"name": name, "creationTimestamp": f"2025-01-02T00:00:{second:02}Z"},
        "spec": {"template": {"spec": {"containers": [{"image": image}]}}},
        "status": {"conditions": conditions, **status},
    }


def in_the_way(*jobs: dict[str, Any]) -> list[str]:
    found: list[str] = load_jobs(jobs, "mine", IMAGE)["in_the_way"]
    return found


def test_the_last_one_that_loaded_stays() -> None:
    assert in_the_way(job("mine", 2, succeeded=1), job("other", 1, succeeded=1)) == []
    assert in_the_way() == []


def test_one_that_runs_stays() -> None:
    assert in_the_way(job("mine", 1, "", active=1)) == []


def test_one_that_failed_is_replaced() -> None:
    assert in_the_way(job("mine", 1, "Failed", failed=1)) == ["mine"]


def test_one_from_another_registry_is_replaced() -> None:
    assert in_the_way(job("mine", 1, image="moved/dataset@sha256:1", succeeded=1)) == ["mine"]


def test_others_that_have_not_ended_go() -> None:
    assert in_the_way(job("stuck", 1, ""), job("failed", 2, "Failed")) == ["stuck"]


@pytest.mark.parametrize("later", [job("other", 2, succeeded=1), job("other", 2, "Failed", failed=3)])
def test_one_that_another_may_have_followed_is_run_again(later: dict[str, Any]) -> None:
    assert in_the_way(later, job("mine", 1, succeeded=1)) == ["mine"]


def test_one_that_never_got_a_pod_has_loaded_nothing() -> None:
    assert in_the_way(job("mine", 1, succeeded=1), job("denied", 2, "")) == ["denied"]


def test_three_are_kept_with_this_one() -> None:
    earlier = [job(f"load-{second}", second) for second in (3, 1, 2)]
    assert load_jobs(earlier, "mine", IMAGE)["superfluous"] == ["load-1"]
    assert load_jobs([*earlier, job("mine", 9)], "mine", IMAGE)["superfluous"] == ["load-1"]


@pytest.mark.parametrize(
    ("jobs", "is_needed", "has_loaded"),
    [
        ([], True, False),
        ([job("mine", 1, succeeded=1)], False, True),
        ([job("mine", 1, "Failed", failed=1)], True, False),
        ([job("mine", 1, succeeded=1), job("other", 2, succeeded=1)], True, True),
        ([job("other", 1, "", active=1)], True, False),
    ],
)
def test_a_load_is_needed_unless_its_content_is_the_current_one(
    jobs: list[dict[str, Any]], is_needed: bool, has_loaded: bool
) -> None:
    told = load_jobs(jobs, "mine", IMAGE)
    assert (told["is_needed"], told["has_loaded"]) == (is_needed, has_loaded)
