"""What a process decides by itself, and when it asks: with a clock and buckets of the test's own."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from rowhouse.limits import limiter as module
from rowhouse.limits.limiter import Limiter, Ruling, largest_batch
from rowhouse.limits.pace import SECOND, Pace, Taken
from rowhouse.redis_link import LeftAloneError

PACE = Pace.per_minute(6000, 100)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have buckets answer in time however busy the machine is; a test that is about time sets its own."""
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 60)


class Clock:
    """Stands still."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Buckets:
    """Buckets that all see, without Redis; they may be slow, or fail."""

    def __init__(self, pace: Pace, clock: Clock) -> None:
        self.pace = pace
        self.clock = clock
        self.full: dict[str, int] = {}
        self.asked: list[int] = []
        self.seconds = 0.0
        self.fails = False

    async def take(self, name: str, want: int) -> Taken:
        """Take as Redis does."""
        self.asked.append(want)
        await asyncio.sleep(self.seconds)
        if self.fails:
            raise LeftAloneError
        taken = self.pace.take(self.full.get(name, 0), int(self.clock() * SECOND), want)
        self.full[name] = taken.full
        return taken


class Tried:
    """A limiter and what it meets."""

    def __init__(self, pace: Pace = PACE, others: "Tried | None" = None) -> None:
        self.clock: Clock = others.clock if others else Clock()
        self.buckets: Buckets = others.buckets if others else Buckets(pace, self.clock)
        self.alone = 0
        self.limiter = Limiter(pace, self.buckets, self._count, self.clock)  # type: ignore[arg-type] # as far as used

    def _count(self) -> None:
        self.alone += 1

    async def ask(self, name: str = "a") -> Ruling:
        """Ask as the middleware does."""
        return self.limiter.rule_at_once(name) or await self.limiter.rule(name)

    async def passed(self, times: int, name: str = "a") -> int:
        """Ask so many times, one after the other, and let what was begun go on; return how many passed."""
        count = 0
        for _ in range(times):
            count += not (await self.ask(name)).wait
            await asyncio.sleep(0)
        return count


def run[T](work: Callable[[], Awaitable[T]]) -> T:
    async def whole() -> T:
        return await work()

    return asyncio.run(whole())


def test_the_burst_passes_and_then_the_pace() -> None:
    tried = Tried()

    async def work() -> list[int]:
        found = [await tried.passed(300)]
        for _ in range(3):
            tried.clock.now += 0.1
            found.append(await tried.passed(300))
        return found

    assert run(work) == [100, 10, 10, 10]
    assert tried.alone == 0


def test_a_client_that_asks_seldom_takes_no_more_than_it_uses() -> None:
    tried = Tried()

    async def work() -> None:
        for _ in range(20):
            tried.clock.now += 0.5
            assert await tried.passed(1) == 1

    run(work)
    assert tried.buckets.asked == [1] * 20


def test_a_busy_client_is_mostly_answered_without_asking() -> None:
    tried = Tried(Pace.per_minute(600_000, 1000))

    async def work() -> int:
        return await tried.passed(900)

    assert run(work) == 900
    assert len(tried.buckets.asked) < 30
    assert max(tried.buckets.asked) <= largest_batch(Pace.per_minute(600_000, 1000))


def test_what_is_empty_is_not_asked_again_before_it_can_have_something() -> None:
    tried = Tried(Pace.per_minute(60, 1))

    async def work() -> None:
        assert await tried.passed(1) == 1
        asked = len(tried.buckets.asked)
        for _ in range(9):
            assert await tried.passed(50) == 0
            tried.clock.now += 0.1
        assert (await tried.ask()).wait == pytest.approx(0.1)
        assert len(tried.buckets.asked) == asked
        tried.clock.now += 0.11
        assert await tried.passed(1) == 1

    run(work)


def test_many_at_once_ask_together_and_no_more_pass_than_may() -> None:
    tried = Tried(Pace.per_minute(60, 30))
    tried.buckets.seconds = 0.005

    async def work() -> list[Ruling]:
        return await asyncio.gather(*(tried.ask() for _ in range(50)))

    rulings = run(work)
    assert sum(not ruling.wait for ruling in rulings) == 30
    assert {ruling.wait for ruling in rulings if ruling.wait} == {1.0}
    assert len(tried.buckets.asked) <= 3


def test_clients_do_not_share() -> None:
    tried = Tried(Pace.per_minute(60, 2))

    async def work() -> list[int]:
        return [await tried.passed(5, name) for name in "abc"]

    assert run(work) == [2, 2, 2]


def test_many_processes_let_pass_what_is_allowed_and_their_batches() -> None:
    pace = Pace.per_minute(60_000, 400)
    first = Tried(pace)
    processes = [first, *(Tried(pace, first) for _ in range(7))]

    async def work() -> None:
        passed = []
        for _ in range(100):
            passed.append(sum([await one.passed(20) for one in processes]))
            first.clock.now += 0.01
        slack = len(processes) * largest_batch(pace)
        for begin in range(100):
            for end in range(begin + 1, 101):
                allowed = pace.burst + (end - begin - 1) * 0.01 * SECOND / pace.interval
                assert sum(passed[begin:end]) <= allowed + slack
        # Nothing that is allowed is lost but for what lies in batches.
        assert sum(passed) >= pace.burst + 99 * 0.01 * SECOND / pace.interval - slack

    run(work)
    assert sum(one.alone for one in processes) == 0


def test_without_redis_each_process_keeps_the_limit_by_itself_and_comes_back() -> None:
    tried = Tried()
    tried.buckets.fails = True

    async def work() -> None:
        assert await tried.passed(300) == 100
        assert tried.alone == 300
        # It is not asked by each of them.
        assert len(tried.buckets.asked) == 1
        tried.clock.now += 1
        assert await tried.passed(300) == 100
        assert len(tried.buckets.asked) == 2
        tried.buckets.fails = False
        tried.clock.now += 1
        alone = tried.alone
        assert await tried.passed(10) == 10
        assert tried.alone == alone

    run(work)


def test_nobody_waits_longer_for_redis_than_it_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = Tried()
    tried.buckets.seconds = 3600
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.01)

    async def work() -> None:
        async with asyncio.timeout(5):
            assert await tried.passed(3) == 3

    run(work)
    assert tried.alone == 3


def test_who_gives_up_waiting_leaves_nothing_behind() -> None:
    tried = Tried(Pace.per_minute(60, 30))
    tried.buckets.seconds = 0.02

    async def work() -> None:
        asking = [asyncio.create_task(tried.ask()) for _ in range(20)]
        await asyncio.sleep(0.01)
        for one in asking:
            one.cancel()
        await asyncio.sleep(0.03)
        # What was fetched for those who went is not for one who comes later.
        assert (await tried.ask()).left == 9

    run(work)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CLIENTS", 10)
    tried = Tried(Pace.per_minute(60, 1))

    async def work() -> None:
        for i in range(100):
            await tried.ask(str(i))
        assert len(tried.limiter._clients) == 10
        # The bucket remembers what the process has forgotten.
        assert (await tried.ask("0")).wait > 0

    run(work)


def test_without_any_redis_configured_the_process_decides_and_nothing_is_amiss() -> None:
    tried = Tried()
    tried.limiter = Limiter(PACE, None, tried._count, tried.clock)

    async def work() -> int:
        return await tried.passed(300)

    assert run(work) == 100
    assert tried.alone == 0
