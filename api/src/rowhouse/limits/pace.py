"""The arithmetic of a limit: the generic cell rate algorithm (ITU-T I.371, annex A; ATM Forum TM 4.0, 4.4.2).

A bucket is one number, the time at which it will be full again (the theoretical arrival time, less the burst). Each
request that passes moves it on by one interval; one that would move it beyond the burst is refused. All times are in
whole microseconds, of which a double, as Redis' scripts have it, holds those of the next two centuries exactly.
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

SECOND = 1_000_000


class Taken(NamedTuple):
    """What a bucket gave.

    Attributes:
        granted: How many requests may pass.
        left: How many more could at once.
        wait: Microseconds until the next one can; 0 when it can at once.
        full: When the bucket will be full again.
    """

    granted: int
    left: int
    wait: int
    full: int


@dataclass(frozen=True)
class Pace:
    """A limit.

    Attributes:
        interval: Microseconds between two requests.
        burst: Requests that may come at once after a pause.
    """

    interval: int
    burst: int

    @classmethod
    def per_minute(cls, requests: int, burst: int) -> Self:
        """Return the pace of so many requests a minute."""
        return cls(round(60 * SECOND / requests), burst)

    def take(self, full: int, now: int, want: int) -> Taken:
        """Take what is wanted out of a bucket, or what it has."""
        room = self.burst * self.interval
        # Further away than a burst is no bucket of this pace: the limit was another, or a clock was set back.
        full = min(max(full, now), now + room)
        have = (now + room - full) // self.interval
        granted = min(want, have)
        full += granted * self.interval
        return Taken(granted, have - granted, max(0, full + self.interval - room - now), full)
