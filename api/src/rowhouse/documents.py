"""Gives what is about the API rather than out of one dataset, out of the cache, with the headers that belong to it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from falcon import HTTP_304
from falcon.asgi import Request, Response

from rowhouse.cache import Cache, Entry
from rowhouse.conditions import names
from rowhouse.variants import choose_variant, entity_tag


@dataclass(frozen=True, kw_only=True)
class Document:
    """One document.

    Attributes:
        key: Equal documents of one program have equal keys, and others have others.
        content_type: The header's value.
        cache_control: The header's value.
        headers: More of them, which a 304 has too.
        make: Makes it, uncompressed.
    """

    key: str
    content_type: str
    cache_control: str = "public, no-cache"
    headers: dict[str, str] = field(default_factory=dict)
    make: Callable[[], Awaitable[bytes]]


class Documents:
    """Sends documents, which are made once and kept in the cache."""

    def __init__(self, cache: Cache, build: str) -> None:
        """Take where they are kept, and what tells this program's from those of another."""
        self._cache = cache
        self._build = build

    async def send(self, req: Request, resp: Response, document: Document) -> None:
        """Send a document, or say that the client has it already.

        Raises:
            NotAcceptableProblem: The client takes no coding that there is.
        """
        variant = choose_variant(req)
        key = f"{self._build}:document:{variant.name}:{document.key}"
        tag = entity_tag(key)
        listed = req.get_header("If-None-Match")
        if listed is not None and (listed.strip() == "*" or names(listed, tag)):
            resp.status = HTTP_304
        else:

            async def make() -> Entry:
                return Entry(await document.make())

            entry, verdict = await self._cache.fetch(key, lambda: variant.apply(make()))
            resp.data = entry.body
            resp.content_type = document.content_type
            resp.set_header("X-Cache", verdict)
            if entry.coding:
                resp.set_header("Content-Encoding", entry.coding)
        resp.set_header("ETag", tag)
        resp.set_header("Cache-Control", document.cache_control)
        # What a browser is told it is, it is.
        resp.set_header("X-Content-Type-Options", "nosniff")
        resp.append_header("Vary", "Accept-Encoding")
        resp.set_headers(document.headers)
