"""Gives an answer again: to a question that was asked before, with the same headers and bytes, past falcon.

falcon answers first. What it gave out of this process' memory is noted, with all that it depended on: the method, path
and query string, the fields that the API reads, the version, and the key of the body. The next time the answer is put
together from these, as long as the version is still the one to answer from and the memory still has the body. Neither
is kept here, so that freshness, time to live and the bound of the memory are what they are without this module.

Whatever is not known here goes to falcon: the first of its kind, other methods, requests with a body or with
credentials, all while PostgreSQL is away or the process is about to end, and everything when paths are logged.
"""

import logging
import re
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from rowhouse.errors import NotLoadedError, VersionGoneError
from rowhouse.local_cache import LocalCache
from rowhouse.logs import REQUEST_ID, Identifiers
from rowhouse.repeatable import Headers, Kept, Scope, kept_of
from rowhouse.store import Store
from rowhouse.tally import Tally

type Send = Callable[[dict[str, Any]], Awaitable[None]]
type Receive = Callable[[], Awaitable[dict[str, Any]]]

# Fields that an answer depends on: whatever the program reads of a GET or HEAD, but for the request's id.
READ = frozenset({b"accept", b"accept-encoding", b"if-none-match", b"if-modified-since", b"origin"})
# With one of these a request is falcon's.
LEFT_TO_FALCON = frozenset({b"authorization", b"content-length", b"transfer-encoding", b"expect", b"upgrade"})
# In a scope: the bytes of the request, when they are all that its connection has received since the answer before.
WIRE = "rowhouse.wire"
_METHODS = ("GET", "HEAD")
_NUMBER = re.compile(rb"\r\nx-request-id: (%b)(?=\r\n)" % REQUEST_ID.pattern.encode(), re.IGNORECASE)
# What a note takes besides its texts: objects of ours and of the library's.
_OVERHEAD_BYTES = 1024

log = logging.getLogger(__name__)


class Admission(Protocol):
    """Decides whether a request may be answered here, such as by what its client has left.

    Attributes:
        names: The fields, in lower case, that it sets in every answer. They are not repeated.
    """

    names: frozenset[bytes]

    def admit(self, scope: Scope) -> Headers | None:
        """Return these fields, and count the request; None, and do nothing, when falcon shall see to it."""


@dataclass(slots=True)
class _Known:
    """A request that is known by its bytes.

    Attributes:
        kept: Its answer.
        scope: What gunicorn made of it, but for the client.
        turn: The turn of the event loop in which the answer was last looked at.
        fields: In that turn, those behind the request's id.
        rest: In that turn, what comes behind them.
    """

    kept: Kept
    scope: Scope
    turn: object | None = None
    fields: bytes = b""
    rest: bytes = b""


class Repeats:
    """An ASGI app around falcon's."""

    def __init__(
        self,
        app: Callable[[Scope, Any, Any], Awaitable[None]],
        store: Store,
        local: LocalCache,
        tally: Tally,
        size: int,
        is_ending: Callable[[], bool],
        admission: Admission | None = None,
    ) -> None:
        """Take what answers, and what it answers from.

        Args:
            app: falcon's.
            store: Knows the versions, and whether PostgreSQL is there.
            local: The memory of this process.
            tally: Logs and counts.
            size: Bytes that the notes may take; when they are taken, all are forgotten.
            is_ending: Whether the process is about to end.
            admission: Asked before each answer; None admits all.
        """
        self._app = app
        self._store = store
        self._local = local
        self._tally = tally
        self._size = size
        self._is_ending = is_ending
        self._admission = admission
        self._kept: dict[tuple[object, ...], Kept] = {}
        self._by_wire: dict[bytes, _Known] = {}
        self._taken = 0
        self._identifiers = Identifiers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        question = _question(scope) if scope["type"] == "http" else None
        if question is None:
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        asked, identifier = question
        kept = self._kept.get(asked)
        found = self._look(kept) if kept else None
        extra = self._admit(scope) if found else None
        if not (kept and found) or extra is None:
            await self._listen(asked, scope, receive, send)
            return
        age, body = found
        given, identifier = identifier, identifier or self._identifiers.new()
        headers = kept.fields(identifier, age) + extra
        await send({"type": "http.response.start", "status": kept.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        self._tally.begin()
        self._tally.add(kept.labels, identifier, time.perf_counter() - started)
        if WIRE in scope:
            self._keep_wire(scope[WIRE], given, kept, scope)

    def repeat(self, wire: bytes, client: object, last_fields: Callable[[], bytes]) -> tuple[bytes, bytes] | None:
        """Return the answer to the bytes of a request that were answered before, as two pieces to be sent.

        Args:
            wire: All that a connection has received since the answer before.
            client: Who sent it, as in the scope.
            last_fields: What the server sends behind the fields, with the empty line.
        """
        started = time.perf_counter()
        known, identifier = self._by_wire.get(wire), ""
        if known is None:
            # Proxies number requests, which are the same otherwise.
            wire, identifier = _unnumbered(wire)
            known = self._by_wire.get(wire) if identifier else None
            if known is None:
                return None
        kept = known.kept
        if known.turn is not self._tally.turn or known.turn is None:
            # Nothing that an answer depends on changes before the event loop is through with what has arrived.
            found = self._look(kept)
            if found is None:
                del self._by_wire[wire]
                return None
            age, body = found
            known.fields = kept.after % age if kept.age_at >= 0 else kept.after % ()
            known.rest = last_fields() + body
            known.turn = self._tally.begin()
        more = b""
        if self._admission:
            extra = self._admission.admit({**known.scope, "client": client})
            if extra is None:
                return None
            more = b"".join(b"%b: %b\r\n" % field for field in extra)
        identifier = identifier or self._identifiers.new()
        head = b"".join((kept.before, identifier.encode(), known.fields, more))
        self._tally.add(kept.labels, identifier, time.perf_counter() - started)
        return head, known.rest

    def _look(self, kept: Kept) -> tuple[bytes, bytes] | None:
        """Return age and body, if the answer is still the one to give."""
        if self._store.unavailable or self._is_ending():
            return None
        source = kept.source
        try:
            version = self._store.version(source.dataset, source.number)
        except (NotLoadedError, VersionGoneError):
            return None
        if version is not kept.version:
            if version != kept.version:
                return None
            # Each time PostgreSQL is asked, there are new objects.
            kept.version = version
        if source.key is None:
            return b"", b""
        entry = self._local.get(source.key)
        if entry is None or len(entry.body) != kept.length:
            return None
        # Another replica's clock may be ahead.
        age = b"%d" % max(0, int(time.time()) - entry.made)
        return age, entry.body if kept.labels.method == "GET" else b""

    def _admit(self, scope: Scope) -> Headers | None:
        return self._admission.admit(scope) if self._admission else []

    async def _listen(self, asked: tuple[object, ...], scope: Scope, receive: Receive, send: Send) -> None:
        """Have falcon answer, and note what it says of its answer."""
        started: dict[str, Any] = {}

        async def listen(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            await send(message)

        await self._app(scope, receive, listen)
        if started and not log.isEnabledFor(logging.DEBUG):
            own = self._admission.names if self._admission else ()
            headers = [field for field in started["headers"] if field[0] not in own]
            if kept := kept_of(scope, started["status"], headers):
                self._keep(asked, kept)

    def _keep(self, asked: tuple[object, ...], kept: Kept) -> None:
        texts = [text for part in asked for text in (part if isinstance(part, tuple) else (part,))]
        if self._make_room(kept.size + sum(map(sys.getsizeof, texts))):
            self._kept[asked] = kept

    def _keep_wire(self, wire: bytes, identifier: str, kept: Kept, scope: Scope) -> None:
        if identifier:
            wire, found = _unnumbered(wire)
            if found != identifier:
                return
        if self._make_room(3 * len(wire)):
            own = {name: value for name, value in scope.items() if name not in (WIRE, "client")}
            self._by_wire[wire] = _Known(kept, own)

    def _make_room(self, size: int) -> bool:
        size += _OVERHEAD_BYTES
        if self._taken + size > self._size:
            # What is still asked for is noted again soon, for the price of one answer of falcon's.
            self._kept.clear()
            self._by_wire.clear()
            self._taken = 0
        if size > self._size:
            return False
        self._taken += size
        return True


def _question(scope: Scope) -> tuple[tuple[object, ...], str] | None:
    """Return what is asked, and the request's id if it came with a good one; None when falcon shall see to it."""
    if scope["method"] not in _METHODS:
        return None
    asked: list[object] = [scope["method"], scope["path"], scope["query_string"]]
    identifier: str | None = None
    for field in scope["headers"]:
        name = field[0]
        if name in READ:
            asked.append(field)
        elif name == b"x-request-id":
            if identifier is not None:
                return None
            identifier = field[1].decode("latin-1")
        elif name in LEFT_TO_FALCON:
            return None
    return tuple(asked), identifier if identifier and REQUEST_ID.fullmatch(identifier) else ""


def _unnumbered(wire: bytes) -> tuple[bytes, str]:
    """Return a request without the value of its id, and that value; empty when there is none that is good.

    Whatever good value stands there, a parser finds the same request, and nothing else in it is another.
    """
    found = _NUMBER.search(wire)
    return (wire[: found.start(1)] + wire[found.end(1) :], found[1].decode()) if found else (wire, "")
