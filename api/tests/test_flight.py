"""Work that many ask for at the same time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from rowhouse.flight import Flights


class Work:
    """Work that ends when it is told to.

    Attributes:
        begun: How often it was begun.
        cancelled: How often it was cancelled.
    """

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.may_end = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error
        return number


def run[T](test: Callable[[Flights[int], Work], Awaitable[T]]) -> T:
    async def whole() -> T:
        return await test(Flights[int](), Work())

    return asyncio.run(whole())


async def join(flights: Flights[int], work: Work, count: int, key: str = "a") -> list[asyncio.Task[tuple[int, bool]]]:
    """Begin to wait, as often as asked."""
    tasks = [asyncio.create_task(flights.join(key, work)) for _ in range(count)]
    # Until all of them wait, and the work has begun.
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


def test_it_is_done_once_for_all_who_ask_meanwhile_and_again_for_who_asks_later() -> None:
    async def test(flights: Flights[int], work: Work) -> None:
        tasks = await join(flights, work, 5)
        work.may_end.set()
        assert await asyncio.gather(*tasks) == [(1, True)] + [(1, False)] * 4
        assert await flights.join("a", work) == (2, True)

    run(test)


def test_each_key_has_its_own() -> None:
    async def test(flights: Flights[int], work: Work) -> None:
        tasks = await join(flights, work, 1) + await join(flights, work, 1, "b")
        work.may_end.set()
        assert await asyncio.gather(*tasks) == [(1, True), (2, True)]

    run(test)


@pytest.mark.parametrize("gone", [[0], [1], [0, 2], [1, 2]])
def test_who_goes_away_takes_nothing_from_the_others(gone: list[int]) -> None:
    async def test(flights: Flights[int], work: Work) -> None:
        tasks = await join(flights, work, 3)
        for index in gone:
            tasks[index].cancel()
        await asyncio.sleep(0)
        work.may_end.set()
        stayed = [task for index, task in enumerate(tasks) if index not in gone]
        assert {number for number, _ in await asyncio.gather(*stayed)} == {1}
        assert all(tasks[index].cancelled() for index in gone)
        assert (work.begun, work.cancelled) == (1, 0)

    run(test)


def test_it_is_cancelled_when_nobody_waits_and_begun_anew_for_who_comes_then() -> None:
    async def test(flights: Flights[int], work: Work) -> None:
        for task in await join(flights, work, 3):
            task.cancel()
        # Its end has not come to pass yet.
        await asyncio.sleep(0)
        (last,) = await join(flights, work, 1)
        work.may_end.set()
        assert await last == (2, True)
        assert work.cancelled == 1

    run(test)


def test_an_error_is_raised_to_all_and_is_not_kept() -> None:
    async def test(flights: Flights[int], work: Work) -> None:
        work.error = LookupError("no")
        tasks = await join(flights, work, 3)
        work.may_end.set()
        assert await asyncio.gather(*tasks, return_exceptions=True) == [work.error] * 3
        work.error = None
        assert await flights.join("a", work) == (2, True)

    run(test)


def test_an_error_that_nobody_waited_for_is_not_complained_of(caplog: pytest.LogCaptureFixture) -> None:
    async def test(flights: Flights[int], work: Work) -> None:
        work.error = LookupError("no")
        (task,) = await join(flights, work, 1)
        work.may_end.set()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(test)
    assert not caplog.records
