"""A newer release over the running one, and back: other columns, another setting, and no answer is a mixture."""

import httpx
import pytest

from tests.cluster.upgrade.answers import Questions
from tests.cluster.upgrade.conftest import NEW_SETTING, THIRD, URL, WIDE, Upgrades, Variables, Watched, total
from tests.cluster.upgrade.editions import Edition
from tests.cluster.upgrade.walks import Walk

pytestmark = pytest.mark.timeout(900)

MAX_AGE = 44


def walk_on(walk: Walk, edition: Edition) -> None:
    """Walk to the end, which is the edition's or the documented answer."""
    while not walk.is_over:
        assert walk.step() is None
    assert walk.is_expired or walk.is_whole(edition)


def served() -> set[tuple[tuple[str, ...], str]]:
    """Return the columns and the age that answers have, of whichever pod."""
    answers = [httpx.get(f"{URL}/places?limit=1") for _ in range(20)]
    return {(tuple(answer.json()["data"][0]), answer.headers["cache-control"]) for answer in answers}


def test_a_newer_release(watched: Watched, upgrades: Upgrades, releases: dict[Edition, Variables]) -> None:
    upgrades.deployment.run("deploy.yml", **releases[THIRD])
    walk = Walk(URL)
    assert walk.step() is None

    def change() -> None:
        settings = {NEW_SETTING: MAX_AGE}
        upgrades.newer_deployment.run("deploy.yml", **releases[WIDE], api_settings=settings)

    watched.through("a newer release with other columns and another setting", change)
    walk_on(walk, THIRD)
    assert served() == {(tuple(WIDE.columns), f"public, max-age={MAX_AGE}")}


def test_and_back(watched: Watched, upgrades: Upgrades) -> None:
    walk = Walk(URL)
    assert walk.step() is None
    watched.through("back from it by `rollback.yml`", lambda: upgrades.deployment.run("playbooks/rollback.yml"))
    walk_on(walk, WIDE)
    assert served() == {(tuple(THIRD.columns), "public, no-cache")}


def test_every_row_that_was_written_is_there_once(watched: Watched, questions: Questions) -> None:
    before = questions.written
    rows = httpx.get(f"{URL}/users").json()["meta"]["total"]
    # Some are under way.
    assert before <= rows <= questions.written + watched.clients


def test_the_load_was_steady_and_no_request_failed_at_any_time(watched: Watched) -> None:
    assert watched.load.failures + watched.walks.failures == []
    _, times, seconds, requests, _ = total()
    assert times >= 10
    assert requests / seconds >= 200
