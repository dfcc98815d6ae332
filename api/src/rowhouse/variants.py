"""The coding that an answer is sent in, and the tag that tells it from all others."""

import asyncio
import hashlib
from collections.abc import Awaitable
from dataclasses import dataclass, replace

from falcon.asgi import Request

from rowhouse.cache import Entry
from rowhouse.compression import CODINGS, LEAST_BYTES, Coding
from rowhouse.negotiation import choose_coding
from rowhouse.problems import NotAcceptableProblem

_NAMES = tuple(CODINGS)


@dataclass(frozen=True)
class Variant:
    """The form of an answer on its way; `is_forced` when the client takes none without coding."""

    coding: Coding | None
    is_forced: bool

    @property
    def name(self) -> str:
        """Tells it from the other variants in a cache."""
        return f"{self.coding.name if self.coding else ''}{'!' if self.is_forced else ''}"

    async def apply(self, made: Awaitable[Entry]) -> Entry:
        """Wait for an answer, and compress it where that gains something or has to be."""
        entry = await made
        if self.coding and not entry.missing and (self.is_forced or len(entry.body) >= LEAST_BYTES):
            # In a thread: a large page takes milliseconds, in which nobody else would be answered.
            body = await asyncio.to_thread(self.coding.whole, entry.body)
            return replace(entry, body=body, coding=self.coding.name)
        return entry


def choose_variant(req: Request, *, is_compressed: bool = False) -> Variant:
    """Return what the client likes best; `is_compressed` when the answer already is.

    Raises:
        NotAcceptableProblem: The client takes no coding that there is.
    """
    accepted = req.get_header("Accept-Encoding")
    name = choose_coding(accepted, _NAMES)
    if name is None:
        raise NotAcceptableProblem(
            f"Accept-Encoding takes none of {', '.join(CODINGS)} and identity.", available=[*CODINGS, "identity"]
        )
    is_forced = name != "identity" and choose_coding(accepted, ()) is None
    if name == "identity" or (is_compressed and not is_forced):
        return Variant(None, is_forced=False)
    return Variant(CODINGS[name], is_forced)


def entity_tag(key: str) -> str:
    """Return a strong entity tag: equal keys have equal bytes, as neither a version nor this program changes."""
    return f'"{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}"'
