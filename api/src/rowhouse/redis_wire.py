"""A connection to Redis. Commands go out as they come, and replies come in their order; hiredis packs and reads them.

One connection carries everything that a process asks, so that what was asked in one turn of the event loop takes few
calls of the kernel's. A client library with a pool of connections costs three times the CPU for each question.
"""

import asyncio
from collections import deque
from typing import cast

from hiredis import ProtocolError, Reader, ReplyError, pack_command

type Command = tuple[str | bytes | int, ...]
type Reply = bytes | int | list[Reply] | ReplyError | None

_NOT_YET = object()


class _Exchange:
    """Commands that were sent in one go, and the replies that have come."""

    __slots__ = ("done", "expected", "replies")

    def __init__(self, expected: int, done: asyncio.Future[list[Reply]]) -> None:
        self.expected = expected
        self.done = done
        self.replies: list[Reply] = []


class Wire(asyncio.Protocol):
    """One connection, for one event loop; whoever asks bounds the time."""

    def __init__(self, password: str) -> None:
        """Take the password, empty for none."""
        self._password = password
        self._is_admitted = not password
        self._reader = Reader(notEnoughData=_NOT_YET)
        self._waiting: deque[_Exchange] = deque()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._is_retired = False
        self._is_lost = False

    @property
    def is_usable(self) -> bool:
        """Whether it can be asked."""
        return not (self._is_retired or self._is_lost)

    def ask(self, *commands: Command) -> asyncio.Future[list[Reply]]:
        """Send commands, and return what their replies come in; what Redis says against one of them is its reply.

        Whoever has waited long enough cancels it, or fails it. Its replies are nobody's then.

        Raises:
            ConnectionError: In place of replies: the connection was lost, or refused.
        """
        exchange = _Exchange(len(commands), self._loop.create_future())
        self._waiting.append(exchange)
        self._transport.write(b"".join([_packed(command) for command in commands]))
        return exchange.done

    def retire(self) -> None:
        """Ask no more on it; it ends when nobody waits on it any longer."""
        self._is_retired = True
        if all(exchange.done.done() for exchange in self._waiting):
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        if self._password:
            # Nothing waits for the reply: what is asked before it comes stands in line behind.
            self._transport.write(_packed(("AUTH", self._password)))

    def connection_lost(self, exc: Exception | None) -> None:
        """End, and tell all who wait."""
        self._fail(str(exc or "the connection was closed"))

    def data_received(self, data: bytes) -> None:
        """Take replies."""
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not _NOT_YET:
                self._take(reply)
        except (ProtocolError, IndexError):
            # It says what nobody asked for, or what Redis does not say.
            self._fail("that is no Redis")

    def _take(self, reply: Reply) -> None:
        if not self._is_admitted:
            self._is_admitted = True
            if isinstance(reply, ReplyError):
                self._fail(str(reply))
            return
        if self._is_lost:
            return
        exchange = self._waiting[0]
        exchange.replies.append(reply)
        if len(exchange.replies) == exchange.expected:
            self._waiting.popleft()
            if not exchange.done.done():
                exchange.done.set_result(exchange.replies)
            if self._is_retired:
                self.retire()

    def _fail(self, reason: str) -> None:
        self._is_lost = True
        while self._waiting:
            exchange = self._waiting.popleft()
            if not exchange.done.done():
                exchange.done.set_exception(ConnectionError(reason))
        self._transport.abort()


def _packed(command: Command) -> bytes:
    # It takes tuples of any length, and declares them to be of one.
    return cast("bytes", pack_command(command))  # type: ignore[arg-type]
