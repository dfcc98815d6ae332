"""Refuses requests beyond the limits, and tells each client where it stands.

The headers are those of draft-ietf-httpapi-ratelimit-headers-10. A policy says `q` requests in `w` seconds: the burst,
and the time in which it fills. Whoever makes no more in any such time is never refused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

from falcon.asgi import Request, Response

from rowhouse.limits.address import Addresses
from rowhouse.limits.limiter import Limiter, Ruling
from rowhouse.limits.pace import SECOND, Pace
from rowhouse.problems import TooManyRequestsProblem

BY_ADDRESS, BY_KEY = LIMITS = ("address", "key")
# Monitors ask for it, and must learn the truth.
_UNLIMITED = "/health"


@dataclass(frozen=True)
class Limit:
    """One limit.

    Attributes:
        name: What clients are told apart by, one of LIMITS.
        pace: How many requests.
        limiter: Decides.
        count_refused: Hears of each request that is refused.
    """

    name: str
    pace: Pace
    limiter: Limiter
    count_refused: Callable[[], None]

    @property
    def policy(self) -> str:
        """The limit, as RateLimit-Policy tells it."""
        return f'"{self.name}";q={self.pace.burst};w={ceil(self.pace.burst * self.pace.interval / SECOND)}'

    def told(self, ruling: Ruling) -> str:
        """A ruling, as RateLimit tells it: in whole seconds, after which there is a place for certain."""
        if ruling.wait:
            return f'"{self.name}";r=0;t={ceil(ruling.wait)}'
        fills = ceil((self.pace.burst - ruling.left) * self.pace.interval / SECOND)
        return f'"{self.name}";r={ruling.left};t={fills}'


class RateLimits:
    """A limit for requests without a key, by address, and one for each key; either may be missing.

    OPTIONS is not limited: a browser asks so by itself before it sends a key, and cannot put the key into that.
    """

    def __init__(self, by_address: Limit | None, by_key: Limit | None, addresses: Addresses) -> None:
        """Take the limits, and what tells addresses apart."""
        self._by_address = by_address
        self._by_key = by_key
        self._addresses = addresses
        self._policies = {limit.name: limit.policy for limit in (by_address, by_key) if limit}

    # What is set in answers, as ASGI has it: see rowhouse.repeats.
    names = frozenset({b"ratelimit-policy", b"ratelimit"})

    def admit(self, scope: dict[str, Any]) -> list[tuple[bytes, bytes]] | None:
        """Count a request without a key that passes by what this process knows; returns the fields of its answer.

        None, and nothing is counted: see `process_request`.
        """
        limit = self._by_address
        if limit is None:
            return []
        ruling = limit.limiter.rule_at_once(self._addresses.client_of(scope))
        if ruling is None or ruling.wait:
            return None
        return [
            (b"ratelimit-policy", self._policies[limit.name].encode()),
            (b"ratelimit", limit.told(ruling).encode()),
        ]

    async def process_request(self, req: Request, resp: Response) -> None:
        """Count the request, and refuse it when there are too many.

        Raises:
            TooManyRequestsProblem: There are.
        """
        # A key that is not valid is nobody's.
        key = req.context.key
        limit = self._by_key if key else self._by_address
        if limit is None or req.path == _UNLIMITED or req.method == "OPTIONS":
            return
        name = key.id if key else self._addresses.client_of(req.scope)
        ruling = limit.limiter.rule_at_once(name) or await limit.limiter.rule(name)
        resp.set_header("RateLimit-Policy", self._policies[limit.name])
        resp.set_header("RateLimit", limit.told(ruling))
        if ruling.wait:
            limit.count_refused()
            raise TooManyRequestsProblem("this API key" if key else "this address", ceil(ruling.wait))
