"""Ready-made answers by key. Whatever happens to the cache, the answer still comes: it fails open."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Protocol, Self

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

# A cache that is slower than this is slower than PostgreSQL.
_TIMEOUT_SECONDS = 0.05
# After a failure the cache is left alone, so that requests do not wait for it one by one.
_PAUSE_SECONDS = 1.0
_KEY_PREFIX = "rowhouse:"

log = logging.getLogger(__name__)


class Verdict(StrEnum):
    """Where an answer came from, as X-Cache says it."""

    HIT = "hit"
    MISS = "miss"
    BYPASS = "bypass"


@dataclass(frozen=True)
class Entry:
    """An answer as it is kept.

    Attributes:
        body: The bytes that are sent.
        next: URL of the next page; empty when there is none.
    """

    body: bytes
    next: str = ""

    # What does not begin so was not written here.
    _MARK: ClassVar = b"rowhouse 1 "

    def to_bytes(self) -> bytes:
        """Return one line with the link, then the body."""
        return self._MARK + self.next.encode() + b"\n" + self.body

    @classmethod
    def from_bytes(cls, content: bytes) -> Self | None:
        """Return the entry, or None for what is none."""
        line, separator, body = content.partition(b"\n")
        if not separator or not line.startswith(cls._MARK) or not line.isascii():
            return None
        return cls(body, line.removeprefix(cls._MARK).decode())


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


class RedisCache:
    """Keeps answers in Redis, where every replica finds them. Entries are never deleted: new versions have new keys."""

    def __init__(self, host: str, port: int, password: str, ttl_seconds: int) -> None:
        """Take the address; nothing is connected yet."""
        self._redis = Redis(
            host=host,
            port=port,
            password=password or None,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._ttl_seconds = ttl_seconds
        self._paused_until = 0.0

    async def fetch(self, key: str, make: Callable[[], Awaitable[Entry]]) -> tuple[Entry, Verdict]:
        """Return what is kept under the key, or make it and keep it; a failing Redis is a bypass."""
        name = _KEY_PREFIX + key
        if self._paused():
            return await make(), Verdict.BYPASS
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                kept = await self._redis.get(name)
        except (RedisError, OSError, TimeoutError) as error:
            self._pause(error)
            return await make(), Verdict.BYPASS
        entry = Entry.from_bytes(kept) if isinstance(kept, bytes) else None
        if entry:
            return entry, Verdict.HIT
        entry = await make()
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await self._redis.set(name, entry.to_bytes(), ex=self._ttl_seconds)
        except (RedisError, OSError, TimeoutError) as error:
            self._pause(error)
        return entry, Verdict.MISS

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def _paused(self) -> bool:
        return time.monotonic() < self._paused_until

    def _pause(self, error: Exception) -> None:
        if not self._paused():
            reason = str(error) or type(error).__name__
            log.warning("Redis failed and is left alone for %.0f s: %s", _PAUSE_SECONDS, reason)
        self._paused_until = time.monotonic() + _PAUSE_SECONDS
