"""The link to Redis: commands in few connections, within little time, and left alone for a while when Redis fails."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from hiredis import ReplyError

from rowhouse.redis_wire import Command, Reply, Wire

# A cache that is slower than this is slower than PostgreSQL. One request spends no more on it in all, but for the looks
# that it takes while another process makes its answer.
_TIMEOUT_SECONDS = 0.05
_GRACE_SECONDS = 0.01
# When PostgreSQL is away too, which a client has to learn within 200 ms.
_LAST_RESORT_SECONDS = 0.15
# After a failure the cache is left alone, so that requests do not wait for it one by one.
_PAUSE_SECONDS = 1.0
# Questions under way at a time. More would only wait for this process, and count against Redis.
_SLOTS = 16

log = logging.getLogger(__name__)


class Failure(StrEnum):
    """What was wrong with the cache, as the metrics say it."""

    TIMEOUT = "timeout"
    CONNECTION = "connection"
    FULL = "full"
    ERROR = "error"
    JUNK = "junk"

    @classmethod
    def of(cls, error: Exception) -> Self:
        """Name what went wrong."""
        match error:
            case TimeoutError():
                return cls("timeout")
            case ReplyError():
                return cls("full" if str(error).startswith("OOM") else "error")
            case _:
                return cls("connection")


class LeftAloneError(Exception):
    """Redis has just failed, or has before."""


class _Use:
    """One kind of use of Redis, which pauses after a failure; then one request tries it, and the others do not wait."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._failing = False
        self._until = 0.0

    def is_possible(self) -> bool:
        if not self._failing:
            return True
        if time.monotonic() < self._until:
            return False
        self._until = time.monotonic() + _PAUSE_SECONDS
        return True

    def failed(self, error: Exception) -> None:
        if not self._failing:
            reason = str(error) or type(error).__name__
            log.warning("%s Redis fails, and is tried once in %.0f s: %s", self._name, _PAUSE_SECONDS, reason)
        self._failing = True
        self._until = time.monotonic() + _PAUSE_SECONDS

    def worked(self) -> None:
        if self._failing:
            log.info("%s Redis works again", self._name)
        self._failing = False


class _Patience:
    """Fails what is waited for after some time.

    In two steps: when it was this process that was held up, as one with a limit on its CPU is, Redis' answer has
    arrived and is read between them.
    """

    __slots__ = ("_answer", "_handle")

    def __init__(self, answer: asyncio.Future[list[Reply]], seconds: float) -> None:
        self._answer = answer
        loop = answer.get_loop()
        self._handle = loop.call_later(max(0, seconds - _GRACE_SECONDS), self._wait_on)

    def end(self) -> None:
        self._handle.cancel()

    def _wait_on(self) -> None:
        self._handle = self._answer.get_loop().call_later(_GRACE_SECONDS, self._fail)

    def _fail(self) -> None:
        if not self._answer.done():
            self._answer.set_exception(TimeoutError())


@dataclass
class Budget:
    """What one request may still spend on Redis. To stand in line for it does not count."""

    seconds: float


class RedisLink:
    """Sends commands. Reading and writing fail apart: a Redis that is full still answers.

    Attributes:
        count_failure: Hears of every failure.
    """

    def __init__(
        self,
        host: str,
        port: int,
        password: str,
        count_failure: Callable[[Failure], None],
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        """Take the address, whom to tell of failures, and what a request may spend; nothing is connected yet."""
        self._timeout_seconds = timeout_seconds
        self._address = host, port
        self._password = password
        self._wire: Wire | None = None
        self._connecting: asyncio.Task[Wire] | None = None
        self._slots = asyncio.Semaphore(_SLOTS)
        # Of their own: those that wait long must not keep the others from learning that Redis fails.
        self._last_slots = asyncio.Semaphore(_SLOTS)
        self.count_failure = count_failure
        self._reading = _Use("Reading from")
        self._writing = _Use("Writing to")

    async def close(self) -> None:
        """Close the connection."""
        if self._connecting:
            self._connecting.cancel()
        if self._wire:
            self._wire.retire()
        self._connecting = self._wire = None

    def budget(self) -> Budget:
        """Return what a request may spend."""
        return Budget(self._timeout_seconds)

    async def read(self, budget: Budget, *commands: Command) -> list[Reply]:
        """Send commands in one go; whether they worked is told by the first one, and the others go along.

        Raises:
            LeftAloneError: Redis fails, or has failed just before.
        """
        return await self._send(self._reading, budget, commands)

    async def write(self, budget: Budget, *commands: Command) -> list[Reply]:
        """Send commands as `read` does, of which the first one writes."""
        return await self._send(self._writing, budget, commands)

    async def send_at_last(self, command: Command) -> Reply:
        """Send a command even to a Redis that has just failed, and wait longer for it; None when it fails again."""
        try:
            async with asyncio.timeout(_LAST_RESORT_SECONDS), self._last_slots:
                (reply,) = await self._ask((command,), _LAST_RESORT_SECONDS)
        except OSError:
            return None
        return reply

    async def _send(self, use: _Use, budget: Budget, commands: tuple[Command, ...]) -> list[Reply]:
        async with self._slots:
            # Who stood in line may have learnt there that Redis fails.
            if not use.is_possible():
                raise LeftAloneError
            started = time.monotonic()
            try:
                replies = await self._ask(commands, budget.seconds)
                if isinstance(replies[0], ReplyError):
                    raise replies[0]
            except (ReplyError, OSError) as error:
                self.count_failure(Failure.of(error))
                # What Redis says about one command is no reason to do without the others.
                (use if isinstance(error, ReplyError) else self._reading).failed(error)
                raise LeftAloneError from error
            finally:
                budget.seconds -= time.monotonic() - started
            use.worked()
            return replies

    async def _ask(self, commands: tuple[Command, ...], seconds: float) -> list[Reply]:
        """Send commands in one go and return the replies; what Redis says against one of them is its reply."""
        wire = self._wire
        if wire is None or not wire.is_usable:
            started = time.monotonic()
            async with asyncio.timeout(seconds):
                wire = await self._connected()
            seconds -= time.monotonic() - started
        answer = wire.ask(*commands)
        patience = _Patience(answer, seconds)
        try:
            replies = await answer
        except TimeoutError:
            # Who asks next does not stand in line behind what Redis has not answered.
            wire.retire()
            raise
        finally:
            patience.end()
        return [_plain(reply) for reply in replies]

    async def _connected(self) -> Wire:
        """Return the connection that all use, once it is there."""
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(self._end_connecting)
        return await asyncio.shield(self._connecting)

    async def _connect(self) -> Wire:
        host, port = self._address
        _, self._wire = await asyncio.get_running_loop().create_connection(lambda: Wire(self._password), host, port)
        return self._wire

    def _end_connecting(self, task: asyncio.Task[Wire]) -> None:
        if self._connecting is task:
            self._connecting = None
        if not task.cancelled():
            # Nobody may wait for it any more.
            task.exception()


def _plain(reply: Reply) -> Reply:
    # A value of another type is junk like any other.
    return b"" if isinstance(reply, ReplyError) and str(reply).startswith("WRONGTYPE") else reply
