"""Ready-made answers in the memory of this process."""

import sys
import time
from dataclasses import dataclass

from cachetools import TLRUCache

from rowhouse.cache import Entry

# What an entry takes besides its body, its key and its link: 390 bytes of objects, ours and the library's, and slack.
_OVERHEAD_BYTES = 512
# No single answer may take more than this part of the room, nor all those together that say that nothing is there.
_PART = 16


@dataclass(frozen=True, slots=True)
class _Kept:
    entry: Entry
    size: int


class LocalCache:
    """Keeps what was used last, within a number of bytes.

    Nothing is ever invalidated: keys carry the version. What belongs to an older version is no longer asked for, and so
    is the first to go when room is needed.
    """

    def __init__(self, size: int, ttl_seconds: int) -> None:
        """Take the room in bytes, 0 for none, and how long an answer is kept."""
        self._ttl_seconds = ttl_seconds
        self._largest = size // _PART
        self._answers = self._room(size - self._largest)
        # Of their own: who asks for one key after the other that is not there must not drive the answers out.
        self._missing = self._room(self._largest)

    @property
    def size(self) -> int:
        """Bytes taken."""
        return int(self._answers.currsize + self._missing.currsize)

    def get(self, key: str) -> Entry | None:
        """Return what is kept under the key."""
        # By index, which is four times as fast as the library's get().
        try:
            return self._answers[key].entry
        except KeyError:
            pass
        try:
            return self._missing[key].entry
        except KeyError:
            return None

    def put(self, key: str, entry: Entry) -> None:
        """Keep an entry, unless it is too large."""
        # The library forgets the keys of what went late: there may be as many of them as there are entries.
        size = len(entry.body) + 2 * sys.getsizeof(key) + sys.getsizeof(entry.next) + _OVERHEAD_BYTES
        if size <= self._largest:
            (self._missing if entry.missing else self._answers)[key] = _Kept(entry, size)

    def _room(self, size: int) -> TLRUCache[str, _Kept]:
        return TLRUCache(size, self._until, getsizeof=lambda kept: kept.size)

    def _until(self, _key: str, kept: _Kept, now: float) -> float:
        # From when it was made, also where that was in another replica. Its clock may be ahead.
        age = max(0, time.time() - kept.entry.made)
        return now + kept.entry.seconds_to_keep(self._ttl_seconds) - age
