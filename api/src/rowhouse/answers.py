"""Gives answers out of the cache or the store, with the headers that all of them have."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar

from falcon import HTTP_304
from falcon.asgi import Request, Response

from rowhouse.cache import Cache, Entry, Verdict
from rowhouse.compression import Coding
from rowhouse.conditions import http_date, is_of, names
from rowhouse.dataset import Dataset
from rowhouse.errors import VersionGoneError
from rowhouse.exports import Export, WatchedRequest
from rowhouse.formats import JSON, Format
from rowhouse.problems import RowNotFoundProblem
from rowhouse.repeatable import Repeatable, note
from rowhouse.store import Store
from rowhouse.variants import Variant, choose_variant, entity_tag
from rowhouse.versions import Version


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of one version of a dataset.

    Attributes:
        dataset: What about.
        text: The rest; equal questions have equal texts.
        format: What the answer is written in.
        is_negotiated: Whether that was chosen by Accept.
        is_certain: Whether the answer can be nothing but a success, once the version is known.
        number: The version that is asked about; None is the current one.
    """

    dataset: Dataset
    text: str
    format: Format = JSON
    is_negotiated: bool = False
    is_certain: bool = True
    number: int | None = None


@dataclass(frozen=True)
class Made:
    """An answer that was made, and what it is of: a writable dataset may have changed since it was asked for."""

    entry: Entry
    version: Version


class Answers:
    """Gives a dataset's answers out of the cache or the store; what all dataset routes share."""

    # Stands before the tag of a stream: how sure it is that it is of these rows.
    _STREAMED: ClassVar = ""

    def __init__(
        self,
        store: Store,
        cache: Cache,
        build: str,
        max_age_seconds: int,
    ) -> None:
        """Take what the answers come from.

        Args:
            store: What is asked on a miss.
            cache: What is asked first.
            build: Tells this program's answers in the cache from those of another.
            max_age_seconds: How long others may use an answer again without asking.
        """
        self._store = store
        self._cache = cache
        self._build = build
        # no-cache: it may be kept, but whoever keeps it asks whether it is still good, each time.
        reuse = f"max-age={max_age_seconds}" if max_age_seconds else "no-cache"
        self._public, self._private = f"public, {reuse}", f"private, {reuse}"

    async def send(
        self, req: Request, resp: Response, question: Question, make: Callable[[Version], Awaitable[Made]]
    ) -> None:
        """Send the answer to a question, which `make` makes, uncompressed, if it is not in the cache.

        Raises:
            NotAcceptableProblem: The client takes no coding that there is.
            RowNotFoundProblem: The answer is that there is none.
        """
        variant = choose_variant(req, is_compressed=question.format.is_compressed)

        async def answer(version: Version) -> None:
            key = self._key(version, question, variant)
            tag = entity_tag(key)
            if _has_already(req, tag, version, is_certain=question.is_certain):
                self._describe(resp, question, version, tag)
                resp.status = HTTP_304
                self._tell_staleness(resp)
                note(req, Repeatable(question.dataset, question.number, version, None))
                return
            entry, verdict = await self._cache.fetch(key, lambda: variant.apply(_entry(make(version))))
            resp.set_header("X-Cache", verdict)
            if verdict is Verdict.HIT:
                # Another replica's clock may be ahead.
                resp.set_header("Age", str(max(0, int(time.time()) - entry.made)))
                self._tell_staleness(resp)
            if entry.missing:
                # Made anew each time, as it holds the request's id.
                raise RowNotFoundProblem(entry.body.decode())
            self._describe(resp, question, version, tag)
            if _has_already(req, tag, version, is_certain=True):
                resp.status = HTTP_304
                return
            self._describe_body(resp, question, entry.coding)
            resp.data = entry.body
            if entry.next:
                resp.set_header("Link", f'<{entry.next}>; rel="next"')
            if verdict is Verdict.HIT:
                note(req, Repeatable(question.dataset, question.number, version, key))

        await self._with_version(question, answer)

    async def stream(
        self,
        req: WatchedRequest,
        resp: Response,
        question: Question,
        begin: Callable[[Version, Coding | None], Awaitable[Export]],
    ) -> None:
        """Send the answer to a question as a stream, which `begin` begins, past the cache.

        Raises:
            NotAcceptableProblem: The client takes no coding that there is.
        """
        variant = choose_variant(req, is_compressed=question.format.is_compressed)

        async def answer(version: Version) -> None:
            tag = self._tag(version, question, variant)
            if self._has(req, tag, version, question):
                resp.status = HTTP_304
            else:
                resp.stream = await begin(version, variant.coding) if req.method == "GET" else _nothing()
            self._describe(resp, question, version, f"{self._STREAMED}{tag}")
            if resp.status != HTTP_304:
                self._describe_body(resp, question, variant.coding.name if variant.coding else "")
                resp.set_header("X-Cache", Verdict.BYPASS)

        try:
            await self._with_version(question, answer)
        except BaseException:
            req.unwatch()
            raise

    async def _with_version(self, question: Question, answer: Callable[[Version], Awaitable[None]]) -> None:
        try:
            await answer(self._store.version(question.dataset, question.number))
        except VersionGoneError:
            # Dropped, or loaded, since this process looked: another replica may have handed out the cursor.
            await self._store.catch_up()
            await answer(self._store.version(question.dataset, question.number))

    def _key(self, version: Version, question: Question, variant: Variant) -> str:
        dataset = question.dataset
        # The time tells it from the same number in a database that was lost and filled anew.
        state = f"{dataset.schema_hash}:{dataset.name}:{version.number}:{version.loaded_at.timestamp()}"
        return f"{self._build}:{state}:{question.format.name}:{variant.name}:{question.text}"

    def _tag(self, version: Version, question: Question, variant: Variant) -> str:
        return entity_tag(self._key(version, question, variant))

    def _has(self, req: Request, tag: str, version: Version, question: Question) -> bool:
        """Tell whether the client has the answer with this tag."""
        return _has_already(req, tag, version, is_certain=question.is_certain)

    def _describe(self, resp: Response, question: Question, version: Version, tag: str) -> None:
        """Set the headers that a 304 has too."""
        resp.set_header("ETag", tag)
        resp.set_header("Last-Modified", http_date(version.loaded_at))
        if question.dataset.private:
            # Not by caches that others share. That it depends on the key is for those that do so all the same.
            resp.set_header("Cache-Control", self._private)
            resp.append_header("Vary", "Authorization")
        else:
            resp.set_header("Cache-Control", self._public)
        resp.append_header("Vary", "Accept, Accept-Encoding" if question.is_negotiated else "Accept-Encoding")

    def _describe_body(self, resp: Response, question: Question, coding: str) -> None:
        resp.content_type = question.format.content_type
        if coding:
            resp.set_header("Content-Encoding", coding)
        if question.format is not JSON:
            resp.set_header("Content-Disposition", f'inline; filename="{question.dataset.name}.{question.format.name}"')
            # Values are somebody's texts: no browser may take them for a page.
            resp.set_header("X-Content-Type-Options", "nosniff")

    def _tell_staleness(self, resp: Response) -> None:
        if self._store.unavailable:
            # Whether this is still the current version cannot be known. RFC 9111 took back `Warning: 110`, which once
            # said so; Cache-Status (RFC 9211) is the field in which caches now explain themselves.
            resp.set_header("Cache-Status", "rowhouse; hit; detail=database-away")


async def _entry(made: Awaitable[Made]) -> Entry:
    return (await made).entry


async def _nothing() -> AsyncIterator[bytes]:
    """Be a stream, so that the answer to HEAD states no length; nobody reads it."""
    yield b""


def _has_already(req: Request, tag: str, version: Version, *, is_certain: bool) -> bool:
    """Tell whether the client has this answer.

    A matching tag shows that it once got it. `*` and a date match even where there is nothing, so they only count where
    the answer is certain to be a success (RFC 9110, 13.2.1).
    """
    if (listed := req.get_header("If-None-Match")) is not None:
        return is_certain if listed.strip() == "*" else names(listed, tag)
    since = req.get_header("If-Modified-Since")
    return is_certain and since is not None and is_of(since, version.loaded_at)
