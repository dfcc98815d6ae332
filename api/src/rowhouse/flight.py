"""One piece of work at a time for each key: who asks meanwhile waits for it."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any


@dataclass
class _Flight[T]:
    work: asyncio.Task[T]
    waiting: int = 0


class Flights[T]:
    """Work under way, by key.

    It runs in a task of its own, with the log context of whoever asked first, so that no client's going away ends what
    others wait for. When nobody waits any more it is cancelled: a query that no client wants is a query too many.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._under_way: dict[str, _Flight[T]] = {}

    async def join(self, key: str, work: Callable[[], Coroutine[Any, Any, T]]) -> tuple[T, bool]:
        """Wait for the work under way with this key, or begin it.

        Returns:
            What the work returns, and whether it was begun here. What it raises is raised to all who wait.
        """
        flight = self._under_way.get(key)
        is_own = flight is None
        if flight is None:
            # Eagerly: to begin in the next round of the event loop costs as much as half a look into Redis.
            task = asyncio.Task(work(), loop=asyncio.get_running_loop(), eager_start=True)
            flight = self._under_way[key] = _Flight(task)
        flight.waiting += 1
        try:
            # To be cancelled here does not cancel the work.
            return await asyncio.shield(flight.work), is_own
        finally:
            flight.waiting -= 1
            # Only the first who hears of the end, or the last who leaves, finds it still there.
            if self._under_way.get(key) is flight and (flight.work.done() or not flight.waiting):
                del self._under_way[key]
                flight.work.cancel()
