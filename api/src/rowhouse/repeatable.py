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
        before: Status line and fields up to the request's id.
        after: The fields behind it, with %b in place of the age, each after an end of line.
    """

    source: Repeatable
    version: Version
    status: int
    headers: Headers
    id_at: int
    age_at: int
    length: int
    labels: Labels
    before: bytes
    after: bytes

    def fields(self, identifier: str, age: bytes) -> Headers:
        """Return all fields, for ASGI."""
        fields = self.headers.copy()
        fields[self.id_at] = (_ID, identifier.encode())
        if self.age_at >= 0:
            fields[self.age_at] = (_AGE, age)
        return fields

    @property
    def size(self) -> int:
        """Bytes of its texts."""
        return len(self.before) + len(self.after) + sum(sys.getsizeof(text) for field in self.headers for text in field)


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
        Labels(
            scope["method"], route, repeatable.dataset.name, status, cache.decode() if cache else None, is_repeat=True
        ),
        *_head(status, headers),
    )


def _head(status: int, headers: Headers) -> tuple[bytes, bytes]:
    """Return the head of an answer as HTTP/1.1 has it, before and behind the request's id."""
    lines = [b"HTTP/1.1 200 OK" if status == 200 else b"HTTP/1.1 304 Not Modified"]
    for name, value in headers:
        lines.append(b"%b: %b" % (name, {_ID: b"", _AGE: b"%b"}.get(name, value.replace(b"%", b"%%"))))
    text = b"".join(line + b"\r\n" for line in lines)
    before, mark, after = text.partition(_ID + b": ")
    return before.replace(b"%%", b"%") + mark, after
