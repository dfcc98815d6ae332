"""Ready-made answers by key: what is kept, what a cache can be asked, and where an answer came from."""

import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import ClassVar, Protocol, Self

from rowhouse.state import State


class Verdict(StrEnum):
    """Where an answer came from, as X-Cache says it."""

    HIT = "hit"
    MISS = "miss"
    BYPASS = "bypass"


class Source(Enum):
    """Where an answer came from, as the metrics say it: the verdict, and the tier that gave it.

    A flight gives the answer that another request of the same process had begun to make.
    """

    LOCAL = Verdict.HIT, "local"
    REDIS = Verdict.HIT, "redis"
    MADE = Verdict.MISS, "none"
    MADE_BY_ANOTHER = Verdict.MISS, "flight"
    BYPASS = Verdict.BYPASS, "none"
    BYPASS_BY_ANOTHER = Verdict.BYPASS, "flight"

    @classmethod
    def beyond(cls, verdict: Verdict, *, is_own: bool) -> Self:
        """Return the source of what was not in the process, found or made by this request or by another."""
        return cls((verdict, "redis" if verdict is Verdict.HIT else "none" if is_own else "flight"))


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer as it is kept.

    Attributes:
        body: The bytes that are sent; of what is missing, the sentence that says so.
        next: URL of the next page; empty when there is none.
        made: When, in seconds since 1970.
        missing: Whether the answer is that there is none. It is kept for a short time only, as clients may ask for any
            number of things that are not there.
        coding: Content coding of the body; empty when there is none.
    """

    body: bytes
    next: str = ""
    made: int = field(default_factory=lambda: int(time.time()), compare=False)
    missing: bool = False
    coding: str = ""

    # What does not begin so was not written here.
    _MARK: ClassVar = "rowhouse 5"
    # Long enough for a client that asks for the same again and again.
    _MISSING_SECONDS: ClassVar = 30

    def seconds_to_keep(self, ttl_seconds: int) -> int:
        """Return how long a cache may keep it that keeps others for `ttl_seconds`."""
        return min(ttl_seconds, self._MISSING_SECONDS) if self.missing else ttl_seconds

    def to_bytes(self, key: str) -> bytes:
        """Return one line that ties the entry to its key and tells length, coding and link; then the body."""
        line = f"{self._beginning(key)}{self.made} {len(self.body)} {int(self.missing)} {self.coding} {self.next}\n"
        return line.encode() + self.body

    @classmethod
    def from_bytes(cls, content: bytes, key: str) -> Self | None:
        """Return the entry, or None for what is none, is not whole, or belongs to another key."""
        line, _, body = content.partition(b"\n")
        beginning = cls._beginning(key).encode()
        if not line.startswith(beginning) or not line.isascii():
            return None
        try:
            made, length, missing, coding, following = line.removeprefix(beginning).decode().split(" ")
            entry = cls(body, following, int(made), bool(int(missing)), coding)
            return entry if int(length) == len(body) else None
        except ValueError:
            return None

    @classmethod
    def _beginning(cls, key: str) -> str:
        return f"{cls._MARK} {hashlib.blake2b(key.encode(), digest_size=16).hexdigest()} "


type Make = Callable[[], Awaitable[Entry]]


class Cache(Protocol):
    """A read-through cache."""

    async def fetch(self, key: str, make: Make) -> tuple[Entry, Verdict]:
        """Return what is kept under the key, or make it and keep it. What `make` raises is raised, and never kept."""

    async def state(self) -> State:
        """Look how the cache beyond this process is."""

    async def close(self) -> None:
        """Let go of connections."""


class NoCache:
    """Keeps nothing."""

    def __init__(self, verdict: Verdict) -> None:
        """Take what it says of everything: a miss where another cache stands before it, else a bypass."""
        self._verdict = verdict

    async def fetch(self, key: str, make: Make) -> tuple[Entry, Verdict]:  # noqa: ARG002
        """Make it."""
        return await make(), self._verdict

    async def state(self) -> State:
        """Tell that there is none."""
        return State.NONE

    async def close(self) -> None:
        """Do nothing."""
