"""Two tiers of ready-made answers: the memory of this process, and what lies beyond it."""

from collections.abc import Callable

from rowhouse.cache import Cache, Entry, Make, Source, Verdict
from rowhouse.flight import Flights
from rowhouse.local_cache import LocalCache
from rowhouse.state import State


class TieredCache:
    """Asks the process' own memory first; what is not there is looked for, or made, once at a time."""

    def __init__(self, local: LocalCache, beyond: Cache, count: Callable[[Source], None]) -> None:
        """Take both tiers, and whom to tell where each answer came from."""
        self._local = local
        self._beyond = beyond
        self._count = count
        self._flights = Flights[tuple[Entry, Verdict]]()

    async def fetch(self, key: str, make: Make) -> tuple[Entry, Verdict]:
        """Return what is kept under the key, or make it and keep it. What `make` raises is raised, and never kept."""
        entry = self._local.get(key)
        if entry:
            self._count(Source.LOCAL)
            return entry, Verdict.HIT
        (entry, verdict), is_own = await self._flights.join(key, lambda: self._look_beyond(key, make))
        self._count(Source.beyond(verdict, is_own=is_own))
        return entry, verdict

    async def state(self) -> State:
        """Look how the farther tier is: the nearer one cannot fail."""
        return await self._beyond.state()

    async def close(self) -> None:
        """Let go of connections."""
        await self._beyond.close()

    async def _look_beyond(self, key: str, make: Make) -> tuple[Entry, Verdict]:
        entry, verdict = await self._beyond.fetch(key, make)
        self._local.put(key, entry)
        return entry, verdict
