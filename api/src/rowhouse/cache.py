"""Ready-made answers by key. Whatever happens to the cache, the answer still comes: it fails open."""

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Protocol, Self

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from rowhouse.errors import DatabaseUnavailableError

# A cache that is slower than this is slower than PostgreSQL. One request spends no more on it in all.
_TIMEOUT_SECONDS = 0.05
_GRACE_SECONDS = 0.01
# When PostgreSQL is away too, which a client has to learn within 200 ms.
_LAST_RESORT_SECONDS = 0.15
# After a failure the cache is left alone, so that requests do not wait for it one by one.
_PAUSE_SECONDS = 1.0
# Commands under way at a time, and connections. More would only wait for this process, and count against Redis.
_SLOTS = 16
_KEY_PREFIX = "rowhouse:"

log = logging.getLogger(__name__)


class Verdict(StrEnum):
    """Where an answer came from, as X-Cache says it."""

    HIT = "hit"
    MISS = "miss"
    BYPASS = "bypass"


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


@dataclass(frozen=True)
class Entry:
    """An answer as it is kept.

    Attributes:
        body: The bytes that are sent.
        next: URL of the next page; empty when there is none.
        made: When, in seconds since 1970.
        coding: Content coding of the body; empty when there is none.
    """

    body: bytes
    next: str = ""
    made: int = field(default_factory=lambda: int(time.time()), compare=False)
    coding: str = ""

    # What does not begin so was not written here.
    _MARK: ClassVar = "rowhouse 4"

    def to_bytes(self, key: str) -> bytes:
        """Return one line that ties the entry to its key, tells its length and coding, and holds the link; the body."""
        return f"{self._beginning(key)}{self.made} {len(self.body)} {self.coding} {self.next}\n".encode() + self.body

    @classmethod
    def from_bytes(cls, content: bytes, key: str) -> Self | None:
        """Return the entry, or None for what is none, is not whole, or belongs to another key."""
        line, _, body = content.partition(b"\n")
        beginning = cls._beginning(key).encode()
        if not line.startswith(beginning) or not line.isascii():
            return None
        try:
            made, length, coding, following = line.removeprefix(beginning).decode().split(" ")
            return cls(body, following, int(made), coding) if int(length) == len(body) else None
        except ValueError:
            return None

    @classmethod
    def _beginning(cls, key: str) -> str:
        return f"{cls._MARK} {hashlib.blake2b(key.encode(), digest_size=16).hexdigest()} "


class Cache(Protocol):
    """A read-through cache."""

    async def fetch(self, key: str, make: Callable[[], Awaitable[Entry]]) -> tuple[Entry, Verdict]:
        """Return what is kept under the key, or make it and keep it. What `make` raises is raised, and never kept."""

    async def close(self) -> None:
        """Let go of connections."""


class NoCache:
    """Keeps nothing."""

    async def fetch(self, key: str, make: Callable[[], Awaitable[Entry]]) -> tuple[Entry, Verdict]:  # noqa: ARG002
        """Make it."""
        return await make(), Verdict.BYPASS

    async def close(self) -> None:
        """Do nothing."""


class _LeftAloneError(Exception):
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


class RedisCache:
    """Keeps answers in Redis, where every replica finds them. Entries are never deleted: new versions have new keys."""

    def __init__(
        self, host: str, port: int, password: str, ttl_seconds: int, count_failure: Callable[[Failure], None]
    ) -> None:
        """Take the address, and whom to tell of failures; nothing is connected yet."""
        self._redis = Redis(
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
        self._ttl_seconds = ttl_seconds
        self._count_failure = count_failure
        self._reading = _Use("Reading from")
        # Apart from reading: a Redis that is full still answers.
        self._writing = _Use("Writing to")

    async def fetch(self, key: str, make: Callable[[], Awaitable[Entry]]) -> tuple[Entry, Verdict]:
        """Return what is kept under the key, or make it and keep it; a failing Redis is a bypass."""
        name = _KEY_PREFIX + key
        started = time.monotonic()
        try:
            kept = await self._do(self._reading, _TIMEOUT_SECONDS, lambda: self._get(name))
        except _LeftAloneError:
            return await self._make_or_look_again(name, key, make)
        left = _TIMEOUT_SECONDS - (time.monotonic() - started)
        if kept is not None:
            entry = Entry.from_bytes(kept, key)
            if entry:
                return entry, Verdict.HIT
            self._count_failure(Failure.JUNK)
        entry = await make()
        content = entry.to_bytes(key)
        with suppress(_LeftAloneError):
            await self._do(self._writing, left, lambda: self._redis.set(name, content, ex=self._ttl_seconds))
        return entry, Verdict.MISS

    async def _make_or_look_again(
        self, name: str, key: str, make: Callable[[], Awaitable[Entry]]
    ) -> tuple[Entry, Verdict]:
        try:
            return await make(), Verdict.BYPASS
        except DatabaseUnavailableError:
            # Without PostgreSQL a slow cache is better than none.
            try:
                async with asyncio.timeout(_LAST_RESORT_SECONDS), self._last_slots:
                    kept = await self._get(name)
            except (RedisError, OSError):
                kept = None
            entry = Entry.from_bytes(kept, key) if kept else None
            if not entry:
                raise
            return entry, Verdict.HIT

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _do[T](self, use: _Use, seconds: float, command: Callable[[], Awaitable[T]]) -> T:
        async with self._slots:
            # Who stood in line may have learnt there that Redis fails.
            if not use.is_possible():
                raise _LeftAloneError
            try:
                async with _at_most(seconds):
                    result = await command()
            except (RedisError, OSError) as error:
                self._count_failure(Failure.of(error))
                # What Redis says about one command is no reason to do without the others.
                (use if isinstance(error, ResponseError) else self._reading).failed(error)
                raise _LeftAloneError from error
            use.worked()
            return result

    async def _get(self, name: str) -> bytes | None:
        """Return what lies there; a value of another type is junk like any other."""
        try:
            kept = await self._redis.get(name)
        except ResponseError as error:
            if str(error).startswith("WRONGTYPE"):
                return b""
            raise
        # Anything else was the answer to another question.
        return kept if isinstance(kept, bytes | None) else b""
