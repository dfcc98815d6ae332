"""How a long command tells that it lives."""

import pytest
from ansible_collections.rowhouse.platform.plugins.action.run_with_progress import elapsed, progress


@pytest.mark.parametrize(("seconds", "said"), [(0.4, "0s"), (59.9, "59s"), (60, "1m00s"), (130, "2m10s")])
def test_durations_are_said_as_people_do(seconds: float, said: str) -> None:
    assert elapsed(seconds) == said


def test_a_line_tells_what_how_far_and_how_long() -> None:
    line = progress("Ensure the programs", 1240, 3433, "packages compiled", 130)
    assert line == "Ensure the programs: 1,240 of at most 3,433 packages compiled, 2m10s"


def test_no_total_is_made_up() -> None:
    assert (
        progress("Ensure the modules", 7, 0, "modules downloaded", 5) == "Ensure the modules: 7 modules downloaded, 5s"
    )
