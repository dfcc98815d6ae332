"""Threads that work for an event loop."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

import pytest
from rowhouse.crew import Crew

NAME: ContextVar[str] = ContextVar("name", default="")


def use(work: Callable[[Crew], Awaitable[None]], threads: int = 2) -> list[str]:
    """Do some work with a crew; returns the names of the threads that have left."""
    left: list[str] = []

    async def run() -> None:
        crew = Crew(threads, "hand", lambda: left.append(threading.current_thread().name))
        crew.open()
        try:
            await work(crew)
        finally:
            crew.close()

    asyncio.run(run())
    return left


def test_what_is_done_is_answered_with_its_result_or_its_error() -> None:
    def fail() -> None:
        raise LookupError("no")

    async def work(crew: Crew) -> None:
        NAME.set("of the request")
        assert await crew.give(NAME.get).answer == "of the request"
        assert await crew.give(lambda: threading.current_thread().name).answer in ("hand-0", "hand-1")
        for _ in range(3):
            with pytest.raises(LookupError, match="no"):
                await crew.give(fail).answer
        assert await asyncio.gather(*(crew.give(lambda i=i: i).answer for i in range(100))) == [*range(100)]  # type: ignore[misc] # mypy knows no defaults of lambdas

    assert sorted(use(work)) == ["hand-0", "hand-1"]


def test_what_nobody_waits_for_is_not_begun() -> None:
    may_go_on = threading.Event()
    done: list[int] = []

    async def work(crew: Crew) -> None:
        first = crew.give(lambda: may_go_on.wait(10))
        others = [crew.give(lambda i=i: done.append(i)) for i in range(3)]  # type: ignore[misc] # as above
        others[1].answer.cancel()
        while not first.has_begun:
            await asyncio.sleep(0.001)
        assert not any(other.has_begun for other in others)
        # Who has begun goes on, and nobody hears of it.
        first.answer.cancel()
        may_go_on.set()
        await others[2].answer
        assert done == [0, 2]

    use(work, threads=1)


def test_the_end_waits_for_what_has_begun_and_for_nothing_else() -> None:
    done: list[int] = []
    has_begun = threading.Event()

    def slow() -> None:
        has_begun.set()
        threading.Event().wait(0.1)
        done.append(0)

    async def work(crew: Crew) -> None:
        crew.give(slow)
        assert has_begun.wait(10)
        crew.give(lambda: done.append(1))

    use(work, threads=1)
    assert done == [0]
