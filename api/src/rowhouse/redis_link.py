"""The link to Redis: commands in few connections, within little time, and left alone for a while when Redis fails."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

# A cache that is slower than this is slower than PostgreSQL. One request spends no more on it in all, but for the looks
# that it takes while another process makes its answer.
_TIMEOUT_SECONDS = 0.05
_GRACE_SECONDS = 0.01
# When PostgreSQL is away too, which a client has to learn within 200 ms.
_LAST_RESORT_SECONDS = 0.15
# After a failure the cache is left alone, so that requests do not wait for it one by one.
_PAUSE_SECONDS = 1.0
# Commands under way at a time, and connections. More would only wait for this process, and count against Redis.
_SLOTS = 16

type Command = tuple[str | bytes | int, ...]
type Reply = bytes | int | list[Reply] | ResponseError | None

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
        """Name an error of the client's."""
        match error:
            case RedisTimeoutError() | TimeoutError():
                return cls("timeout")
            case OutOfMemoryError():
                return cls("full")
            case ResponseError():
                return cls("error")
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


@asynccontextmanager
async def _at_most(seconds: float) -> AsyncIterator[None]:
    """Raise TimeoutError after this time.

    In two steps: when it was this process that was held up, as one with a limit on its CPU is, Redis' answer has
    arrived and is read between them.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as timeout:
        first = loop.call_later(seconds - _GRACE_SECONDS, lambda: timeout.reschedule(loop.time() + _GRACE_SECONDS))
        try:
            yield
        finally:
            first.cancel()


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
        self._pool = ConnectionPool(
            host=host,
            port=port,
            password=password or None,
            # One time-out for all that a command needs, a new connection too, is set around it.
            socket_timeout=None,
            socket_connect_timeout=None,
            max_connections=2 * _SLOTS,
            retry=Retry(NoBackoff(), 0),
        )
        self._slots = asyncio.Semaphore(_SLOTS)
        # Of their own: those that wait long must not keep the others from learning that Redis fails.
        self._last_slots = asyncio.Semaphore(_SLOTS)
        self.count_failure = count_failure
        self._reading = _Use("Reading from")
        self._writing = _Use("Writing to")

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.disconnect()

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
                (reply,) = await self._ask((command,))
        except (RedisError, OSError):
            return None
        return reply

    async def _send(self, use: _Use, budget: Budget, commands: tuple[Command, ...]) -> list[Reply]:
        async with self._slots:
            # Who stood in line may have learnt there that Redis fails.
            if not use.is_possible():
                raise LeftAloneError
            started = time.monotonic()
            try:
                async with _at_most(budget.seconds):
                    replies = await self._ask(commands)
                if isinstance(replies[0], ResponseError):
                    raise replies[0]
            except (RedisError, OSError) as error:
                self.count_failure(Failure.of(error))
                # What Redis says about one command is no reason to do without the others.
                (use if isinstance(error, ResponseError) else self._reading).failed(error)
                raise LeftAloneError from error
            finally:
                budget.seconds -= time.monotonic() - started
            use.worked()
            return replies

    async def _ask(self, commands: tuple[Command, ...]) -> list[Reply]:
        """Send commands in one go and return the replies; what Redis says against one of them is its reply.

        On a connection itself: redis-py's pipelines cost more time of this process than all else on the way. Where
        waiting is broken off, redis-py ends the connection, so that a late reply is not taken for another command's.
        """
        connection: AbstractConnection = await self._pool.get_connection()  # type: ignore[no-untyped-call] # theirs
        try:
            await connection.send_packed_command(connection.pack_commands(commands))
            return [await _reply(connection) for _ in commands]
        finally:
            await self._pool.release(connection)


async def _reply(connection: AbstractConnection) -> Reply:
    try:
        reply: Reply = await connection.read_response()
    except ResponseError as error:
        # A value of another type is junk like any other.
        return b"" if str(error).startswith("WRONGTYPE") else error
    return reply
