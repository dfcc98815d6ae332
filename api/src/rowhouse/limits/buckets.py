"""The buckets that all processes share, in Redis."""

from rowhouse.limits.pace import Pace, Taken
from rowhouse.redis_link import LeftAloneError, RedisLink

# `Pace.take`, where it is atomic and one clock counts. What is kept there may be junk: then the bucket is full.
CLOCK = "local clock = redis.call('TIME'); local now = clock[1] * 1000000 + clock[2]"
TAKE = """
local interval, burst, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local room = burst * interval
local kept = redis.pcall('GET', KEYS[1])
local full = type(kept) == 'string' and tonumber(kept) or now
if not (full > now) then full = now end
if full > now + room then full = now + room end
local have = math.floor((now + room - full) / interval)
local granted = math.min(want, have)
full = full + granted * interval
if granted > 0 then
  redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
end
return {granted, have - granted, math.max(0, full + interval - room - now)}
"""
_KEY_PREFIX = "rowhouse:limit:"


class SharedBuckets:
    """A bucket for each name, which is full when there is none: each is kept no longer than it takes to fill."""

    def __init__(self, redis: RedisLink, kind: str, pace: Pace) -> None:
        """Take the link, what tells these buckets from those of other limits, and how they fill."""
        self._redis = redis
        self._prefix = f"{_KEY_PREFIX}{kind}:"
        self._pace = pace

    async def take(self, name: str, want: int) -> Taken:
        """Take what is wanted out of a bucket, or what it has; when it is full again is not told.

        Raises:
            LeftAloneError: Redis fails, or says what makes no sense.
        """
        script = f"{CLOCK}\n{TAKE}"
        command = ("EVAL", script, 1, self._prefix + name, self._pace.interval, self._pace.burst, want)
        (reply,) = await self._redis.write(self._redis.budget(), command)
        match reply:
            case [int(granted), int(left), int(wait)]:
                return Taken(granted, left, wait, 0)
            case _:
                raise LeftAloneError
