"""Ready-made answers in Redis. Whatever happens to it, the answer still comes: the cache fails open."""

import asyncio
import secrets
import time
from contextlib import suppress

from rowhouse.cache import Entry, Make, Verdict
from rowhouse.errors import DatabaseUnavailableError
from rowhouse.redis_link import Budget, Command, Failure, LeftAloneError, RedisLink, Reply
from rowhouse.state import State

_KEY_PREFIX = "rowhouse:"
# How long others wait for a process that was killed in its turn. One that lives renews it.
_TURN_MILLISECONDS = 2000
_RENEW_SECONDS = 0.5
_TURN_SUFFIX = ":turn"
_FIRST_LOOK_SECONDS = 0.002
_LOOK_SECONDS = 0.03
# Only who has the turn: it may have ended, and be somebody else's by now.
_FREE = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1])"
_RENEW = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('PEXPIRE', KEYS[1], ARGV[2])"


class RedisCache:
    """Keeps answers in Redis, where every replica finds them. Entries are never deleted: new versions have new keys.

    What is not there is made by one process at a time: whoever first sets a short-lived key beside the entry's has the
    turn, the others look for the entry until it is there. The turn is an economy and no lock that anything relies on:
    it ends by itself, and whoever has waited long enough, or meets a failing Redis, makes the answer without.
    """

    def __init__(self, redis: RedisLink, ttl_seconds: int, patience_seconds: float) -> None:
        """Take the link, how long an answer is kept, and how long another process may take to make it."""
        self._redis = redis
        self._ttl_seconds = ttl_seconds
        self._patience_seconds = patience_seconds

    async def fetch(self, key: str, make: Make) -> tuple[Entry, Verdict]:
        """Return what is kept under the key, or make it and keep it; a failing Redis is a bypass."""
        name = _KEY_PREFIX + key
        budget = self._redis.budget()
        try:
            (kept,) = await self._redis.read(budget, ("GET", name))
        except LeftAloneError:
            return await self._make_or_look_again(name, key, make)
        entry = _entry_of(kept, key)
        if entry:
            return entry, Verdict.HIT
        if kept is not None:
            self._redis.count_failure(Failure.JUNK)
        try:
            entry, turn = await self._take_turn(name, key, budget)
        except LeftAloneError:
            # It could not be kept either.
            return await make(), Verdict.MISS
        if entry:
            return entry, Verdict.HIT
        return await self._make_and_keep(name, key, make, budget, turn), Verdict.MISS

    async def state(self) -> State:
        """Look whether Redis takes an entry: that takes the password, the right to write, and room."""
        reply = await self._redis.send_at_last(("SET", f"{_KEY_PREFIX}state", "", "PX", 1000))
        return State.OK if reply == b"OK" else State.FAILING

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.close()

    async def _take_turn(self, name: str, key: str, budget: Budget) -> tuple[Entry | None, str]:
        """Wait until the entry is there or it is this process' turn to make it.

        Returns:
            The entry, or else the token of the turn, which is empty when it is not to be had.

        Raises:
            LeftAloneError: Redis fails.
        """
        token = secrets.token_hex(8)
        turn = name + _TURN_SUFFIX
        until = time.monotonic() + self._patience_seconds
        while time.monotonic() < until:
            # Looks once more, as it may have been kept since the last look.
            take = ("SET", turn, token, "NX", "PX", _TURN_MILLISECONDS)
            taken, kept, left = await self._redis.write(budget, take, ("GET", name), ("PTTL", turn))
            entry = _entry_of(kept, key)
            if entry or taken:
                # A turn that turns out to be needless ends by itself.
                return entry, token
            if not isinstance(left, int) or not 0 <= left <= _TURN_MILLISECONDS:
                # That is nobody's turn, but junk.
                break
            entry = await self._wait_for_another(name, key, until)
            if entry:
                return entry, ""
        return None, ""

    async def _wait_for_another(self, name: str, key: str, until: float) -> Entry | None:
        """Look for the entry until it is there, nobody makes it any more, or time is up."""
        pause = _FIRST_LOOK_SECONDS
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(pause, left))
            pause = min(2 * pause, _LOOK_SECONDS)
            # The time is PostgreSQL's and not Redis', so that each look has the whole time-out.
            kept, turns = await self._redis.read(self._redis.budget(), ("GET", name), ("EXISTS", name + _TURN_SUFFIX))
            entry = _entry_of(kept, key)
            if entry or not turns:
                return entry
        return None

    async def _make_and_keep(self, name: str, key: str, make: Make, budget: Budget, turn: str) -> Entry:
        free: list[Command] = [("EVAL", _FREE, 1, name + _TURN_SUFFIX, turn)] if turn else []
        renewing = asyncio.create_task(self._renew(name + _TURN_SUFFIX, turn))
        try:
            entry = await make()
        except BaseException:
            # Cancelled or failed: somebody else may try at once.
            if free:
                with suppress(LeftAloneError):
                    await self._redis.write(budget, *free)
            raise
        finally:
            renewing.cancel()
        keep = ("SET", name, entry.to_bytes(key), "EX", entry.seconds_to_keep(self._ttl_seconds))
        with suppress(LeftAloneError):
            await self._redis.write(budget, keep, *free)
        return entry

    async def _renew(self, name: str, turn: str) -> None:
        while turn:
            await asyncio.sleep(_RENEW_SECONDS)
            with suppress(LeftAloneError):
                await self._redis.write(self._redis.budget(), ("EVAL", _RENEW, 1, name, turn, _TURN_MILLISECONDS))

    async def _make_or_look_again(self, name: str, key: str, make: Make) -> tuple[Entry, Verdict]:
        try:
            return await make(), Verdict.BYPASS
        except DatabaseUnavailableError:
            # Without PostgreSQL a slow cache is better than none.
            entry = _entry_of(await self._redis.send_at_last(("GET", name)), key)
            if not entry:
                raise
            return entry, Verdict.HIT


def _entry_of(kept: Reply, key: str) -> Entry | None:
    # Anything else than bytes is no reply to GET.
    return Entry.from_bytes(kept, key) if isinstance(kept, bytes) else None
