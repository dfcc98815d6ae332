"""Threads that work for an event loop.

What concurrent.futures and asyncio offer together makes two futures, a lock and a condition for each piece of work,
which cost as much as a short statement does.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, cast


class Work[T]:
    """Something to be done.

    Attributes:
        answer: What it returns or raises. When it is cancelled before the work has begun, that is never done.
        has_begun: Whether a thread is at it, or was.
    """

    __slots__ = ("_context", "_function", "answer", "has_begun")

    def __init__(self, function: Callable[[], T], answer: asyncio.Future[T]) -> None:
        """Take what to do, and what is waited for; what a thread logs names the request that is being answered."""
        self._function = function
        self._context = copy_context()
        self.answer = answer
        self.has_begun = False

    def do(self) -> Callable[[], None]:
        """Do it, in a thread; returns what is left for the event loop to do."""
        self.has_begun = True
        try:
            return partial(self._end, self._context.run(self._function), None)
        except BaseException as error:
            return partial(self._end, None, error)

    def _end(self, result: T | None, error: BaseException | None) -> None:
        if self.answer.done():
            return
        if error:
            self.answer.set_exception(error)
        else:
            self.answer.set_result(cast("T", result))


class Crew:
    """Some threads, which take what is to be done in its order."""

    def __init__(self, threads: int, name: str, leave: Callable[[], None]) -> None:
        """Take how many, and what each does at its end; nothing is started yet."""
        self._names = [f"{name}-{i}" for i in range(threads)]
        self._leave = leave
        self._threads: list[Thread] = []
        self._queue: SimpleQueue[Work[Any] | None] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop

    def open(self) -> None:
        """Start the threads, for the event loop that runs."""
        self._loop = asyncio.get_running_loop()
        # Not before: this may be another process than the one that made the crew.
        self._threads = [Thread(target=self._work, name=name, daemon=True) for name in self._names]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Wait until the threads are at the end of what they do now. All that has not begun is never done."""
        while not self._queue.empty():
            self._queue.get()
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def give[T](self, function: Callable[[], T]) -> Work[T]:
        """Have something done."""
        work = Work(function, self._loop.create_future())
        self._queue.put(work)
        return work

    def _work(self) -> None:
        while (work := self._queue.get()) is not None:
            if work.answer.cancelled():
                continue
            end = work.do()
            # Nobody waits any more when the loop is closed.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(end)
        self._leave()
