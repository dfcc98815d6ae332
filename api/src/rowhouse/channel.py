"""Bytes from a thread to the event loop. Neither holds more than a few pieces: the thread waits for whoever reads."""

import asyncio
from threading import Semaphore

from rowhouse.errors import RowhouseError


class AbandonedError(RowhouseError):
    """Nobody reads any more."""


class StalledError(RowhouseError):
    """Nobody has read for too long."""


class Channel:
    """A queue of a few pieces with a thread at its one end and a coroutine at its other."""

    def __init__(self, pieces: int, patience_seconds: float) -> None:
        """Hold so many pieces, and wait so long for room; to be made where the event loop runs."""
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self._room = Semaphore(pieces)
        self._patience_seconds = patience_seconds
        self._is_abandoned = False

    def put(self, piece: bytes) -> None:
        """Pass a piece on, which is not empty; for the thread.

        Raises:
            AbandonedError: Nobody reads any more.
            StalledError: There was no room for too long.
        """
        has_room = self._room.acquire(timeout=self._patience_seconds)
        if self._is_abandoned:
            raise AbandonedError
        if not has_room:
            raise StalledError
        self._loop.call_soon_threadsafe(self._queue.put_nowait, piece)

    def end(self, error: Exception | None = None) -> None:
        """Say that nothing comes any more, and why, if that is not as it should be; for the thread."""
        self._loop.call_soon_threadsafe(self._queue.put_nowait, error or b"")

    async def get(self) -> bytes:
        """Return the next piece; an empty one is the end.

        Raises:
            Exception: What the thread ended with.
        """
        piece = await self._queue.get()
        self._room.release()
        if isinstance(piece, Exception):
            raise piece
        return piece

    def abandon(self) -> None:
        """Let the thread know at once that nobody reads any more."""
        self._is_abandoned = True
        self._room.release()
