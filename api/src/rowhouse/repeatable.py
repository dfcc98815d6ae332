"""An answer that may be given again: what it depended on, and all of it but the body."""

import sys
from dataclasses import dataclass
from typing import Any

from falcon.asgi import Request

from rowhouse.dataset import Dataset
from rowhouse.tally import Labels
from rowhouse.versions import Version

type Scope = dict[str, Any]
type Headers = list[tuple[bytes, bytes]]

_NOTE = "rowhouse.repeatable"
# Fields of an answer that are others each time, and those that no repeatable answer has.
_ID, _AGE = b"x-request-id", b"age"
_PASSING = (b"cache-status", b"connection", b"set-cookie")


@dataclass(frozen=True, slots=True)
class Repeatable:
    """What an answer depends on, besides the request.

    Attributes:
        dataset: What it is about.
        number: The version that was asked for; None is the current one.
        version: The version that it is from.
        key: Of its body in the memory of this process; None when it has none.
    """

    dataset: Dataset
    number: int | None
    version: Version
    key: str | None


def note(req: Request, repeatable: Repeatable) -> None:
    """Say that the answer to a request may be given again."""
    req.scope[_NOTE] = (repeatable, req.uri_template)


@dataclass(slots=True)
class Kept:
    """An answer that was given, but for its body.

    Attributes:
        source: What it depended on.
        version: Equal to that of the source; a newer object, once it was met.
        status: 200 or 304.
        headers: All fields, in their order.
        id_at: Where in them the request's id is.
        age_at: Where in them the age is; -1 in a 304, which has none.
        length: Of the body.
        labels: For the log and the counts.
        head: Status line and fields, with %b in place of id and age.
    """

    source: Repeatable
    version: Version
    status: int
    headers: Headers
    id_at: int
    age_at: int
    length: int
    labels: Labels
    head: bytes

    @property
    def size(self) -> int:
        """Bytes of its texts."""
        return len(self.head) + sum(sys.getsizeof(text) for field in self.headers for text in field)


@dataclass(slots=True)
class Answer:
    """An answer to be sent.

    Attributes:
        kept: What is always the same.
        identifier: Of the request.
        age: Seconds since the body was made, as text; not for a 304.
        extra: Further fields.
        body: Empty for HEAD and 304.
    """

    kept: Kept
    identifier: str
    age: bytes
    extra: Headers
    body: bytes

    def headers(self) -> Headers:
        """Return all fields."""
        kept = self.kept
        headers = kept.headers.copy()
        headers[kept.id_at] = (_ID, self.identifier.encode())
        if kept.age_at >= 0:
            headers[kept.age_at] = (_AGE, self.age)
        return headers + self.extra

    def head(self) -> bytes:
        """Return status line and fields as they are sent by HTTP/1.1, without the empty line behind them."""
        kept = self.kept
        identifier = self.identifier.encode()
        head = kept.head % ((identifier, self.age) if kept.age_at >= 0 else (identifier,))
        return head + b"".join(b"%b: %b\r\n" % field for field in self.extra) if self.extra else head


def kept_of(scope: Scope, status: int, headers: Headers) -> Kept | None:
    """Return what to keep of an answer; None when it cannot be given again."""
    if _NOTE not in scope:
        return None
    repeatable, route = scope[_NOTE]
    names = [name for name, _ in headers]
    is_whole = repeatable.key is not None
    if status != (200 if is_whole else 304) or any(name in _PASSING for name in names):
        return None
    id_at, age_at = names.index(_ID), names.index(_AGE) if is_whole else -1
    if is_whole and age_at < id_at:
        return None
    fields = dict(headers)
    cache = fields.get(b"x-cache")
    return Kept(
        repeatable,
        repeatable.version,
        status,
        headers,
        id_at,
        age_at,
        int(fields[b"content-length"]) if is_whole else 0,
        Labels(scope["method"], route, repeatable.dataset.name, status, cache.decode() if cache else None),
        _head(status, headers),
    )


def _head(status: int, headers: Headers) -> bytes:
    """Return the head of an answer, with %b for what is another each time."""
    lines = [b"HTTP/1.1 200 OK" if status == 200 else b"HTTP/1.1 304 Not Modified"]
    lines += [
        b"%b: %b" % (name, b"%b" if name in (_ID, _AGE) else value.replace(b"%", b"%%")) for name, value in headers
    ]
    return b"".join(line + b"\r\n" for line in lines)
