"""The arithmetic of limits: against a plain model with a simulated clock, and against what Redis computes."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis as Client
from rowhouse.limits.buckets import TAKE
from rowhouse.limits.pace import SECOND, Pace, Taken

paces = st.builds(Pace, interval=st.integers(100, 60 * SECOND), burst=st.integers(1, 1000))
# Time that passes, in intervals, and how many are wanted then.
steps = st.lists(st.tuples(st.floats(0, 50), st.integers(1, 1500)), max_size=30)
START = 1_800_000_000 * SECOND


class Plain:
    """A bucket of tokens that trickle in one by one, told with fractions: what anybody would write first."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self.tokens = Fraction(pace.burst)
        self.at = START

    def take(self, now: int, want: int) -> tuple[int, int, int]:
        """Return how many are granted, how many are left, and how long until there is one."""
        trickled = Fraction(now - self.at, self.pace.interval)
        self.tokens = min(Fraction(self.pace.burst), self.tokens + trickled)
        self.at = now
        granted = min(want, int(self.tokens))
        self.tokens -= granted
        wait = max(Fraction(0), (1 - self.tokens) * self.pace.interval)
        return granted, int(self.tokens), int(wait)


@given(paces, steps)
def test_it_is_a_bucket_of_tokens(pace: Pace, steps: list[tuple[float, int]]) -> None:
    plain, full, now = Plain(pace), 0, START
    for passed, want in steps:
        now += int(passed * pace.interval)
        taken = pace.take(full, now, want)
        full = taken.full
        assert taken[:3] == plain.take(now, want)


@given(paces, steps)
def test_who_waits_as_long_as_told_passes_and_nobody_sooner(pace: Pace, steps: list[tuple[float, int]]) -> None:
    full, now = 0, START
    for passed, want in steps:
        now += int(passed * pace.interval)
        taken = pace.take(full, now, want)
        full = taken.full
        assert (taken.wait == 0) == (taken.left > 0)
        assert pace.take(full, now + taken.wait, 1).granted == 1
        if taken.wait:
            assert pace.take(full, now + taken.wait - 1, 1).granted == 0


@given(paces, steps)
def test_in_no_time_do_more_pass_than_allowed(pace: Pace, steps: list[tuple[float, int]]) -> None:
    full, now = 0, START
    passed: list[tuple[int, int]] = []
    for pause, want in steps:
        now += int(pause * pace.interval)
        taken = pace.take(full, now, want)
        full = taken.full
        passed.append((now, taken.granted))
        for i, (begin, _) in enumerate(passed):
            assert sum(count for _, count in passed[i:]) <= pace.burst + (now - begin) / pace.interval


@given(paces, st.integers(0, 2**60), st.integers(1, 10))
def test_whatever_is_kept_a_place_comes(pace: Pace, full: int, want: int) -> None:
    taken = pace.take(full, START, want)
    assert taken.wait <= pace.interval
    assert 0 <= taken.granted <= want


def test_per_minute() -> None:
    assert Pace.per_minute(60, 5) == Pace(SECOND, 5)
    assert Pace.per_minute(600_000, 5) == Pace(100, 5)


def eval_at(redis_client: Client, now: int, pace: Pace, want: int) -> Taken:
    """Run the script of the shared buckets at this time."""
    script = f"local now = tonumber(ARGV[4])\n{TAKE}"
    granted, left, wait = redis_client.eval(script, 1, "bucket", pace.interval, pace.burst, want, now)
    return Taken(granted, left, wait, 0)


@given(paces, steps)
def test_redis_computes_the_same(redis_client: Client, pace: Pace, steps: list[tuple[float, int]]) -> None:
    redis_client.delete("bucket")
    full, now = 0, START
    for passed, want in steps:
        now += int(passed * pace.interval)
        taken = pace.take(full, now, want)
        assert eval_at(redis_client, now, pace, want)[:3] == taken[:3]
        full = taken.full
        if taken.granted:
            assert int(str(redis_client.get("bucket"), "ascii")) == full  # type: ignore[arg-type] # bytes
            # Kept until it is full, and a little longer as Redis counts milliseconds. The test's clock is not Redis'.
            redis_client.persist("bucket")


@pytest.mark.parametrize("junk", ["", "x", "nan", "inf", "-inf", "-5", "1e300"])
def test_junk_in_redis_is_no_reason_to_refuse_for_ever(redis_client: Client, junk: str) -> None:
    pace = Pace(SECOND, 3)
    redis_client.set("bucket", junk)
    assert eval_at(redis_client, START, pace, 1).wait <= SECOND
    redis_client.delete("bucket")
    redis_client.lpush("bucket", "another type")
    assert eval_at(redis_client, START, pace, 1)[:3] == (1, 2, 0)


def test_a_bucket_is_kept_until_it_is_full(redis_client: Client) -> None:
    redis_client.delete("bucket")
    eval_at(redis_client, START, Pace(SECOND, 60), 30)
    assert 29_000 < int(str(redis_client.pttl("bucket"))) <= 30_000
