"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a request that is sent again is answered again, once.

What was answered is kept beside the row, and committed with it. Only what was written is kept: a request that changed
nothing is judged anew.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from falcon.asgi import Request
from sqlalchemy import Dialect, Interval, bindparam, cast, delete, func, insert, literal_column, or_, select

from rowhouse.catalog import Catalog
from rowhouse.dataset import Dataset
from rowhouse.link import Execute
from rowhouse.values import format_value, parse_value
from rowhouse.writing.problems import (
    IdempotencyKeyInUseProblem,
    IdempotencyKeyReusedProblem,
    InvalidIdempotencyKeyProblem,
)
from rowhouse.writing.reading import WrittenRow

_HOURS = 24
# How many that are too old go with each one that comes.
_CLEARED = 100
# A string of structured fields (RFC 9651, 3.3.3), or the same signs without quotes, as many clients send them.
_KEY = re.compile(r'"(?P<quoted>(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255})"|(?P<bare>[\x21\x23-\x7e]{1,255})')


@dataclass(frozen=True)
class KeyedRequest:
    """What tells a request from others, and whether it is the same one again.

    Attributes:
        digest: Of the key, and of who sends it.
        fingerprint: Of the request.
    """

    digest: str
    fingerprint: str

    @classmethod
    def of(cls, req: Request, body: bytes) -> "KeyedRequest | None":
        """Read the header; None when there is none.

        Raises:
            InvalidIdempotencyKeyProblem: It cannot be a key.
        """
        given = req.get_header("Idempotency-Key")
        if given is None:
            return None
        found = _KEY.fullmatch(given.strip())
        if not found:
            raise InvalidIdempotencyKeyProblem(
                "Idempotency-Key must be 1 to 255 printable signs of ASCII, better in quotes, such as a UUID."
            )
        # Two clients may choose the same one; who has shown an API key is known by that.
        api_key = getattr(req.context, "key", None)
        sender = api_key.id if api_key else ""
        request = b"\n".join((req.method.encode(), req.path.encode(errors="replace"), body))
        key = found["bare"] or re.sub(r'\\(["\\])', r"\1", found["quoted"])
        return cls(_digest(f"{sender}\n{key}".encode()), _digest(request))


@dataclass(frozen=True)
class Answer:
    """What was written.

    Attributes:
        row: As it is now; None when it is gone.
        is_created: Whether it was not there before.
        is_replayed: Whether this was written by an earlier request, and this one is its repetition.
    """

    row: WrittenRow | None
    is_created: bool = False
    is_replayed: bool = False


class Answers:
    """The answers of one dataset that are kept."""

    def __init__(self, catalog: Catalog, dataset: Dataset, dialect: Dialect) -> None:
        """Take where they are."""
        self._dataset = dataset
        table = catalog.answers
        own = (table.c.dataset == bindparam("dataset"), table.c.digest == bindparam("digest"))
        since = func.now() - cast(literal_column(f"'{_HOURS} hours'"), Interval)
        names = ("is_created", "key", "data", "revision", "changed_at")
        old = (
            select(table.c.digest)
            .where(table.c.dataset == bindparam("dataset"), table.c.answered_at <= since)
            .limit(literal_column(str(_CLEARED)))
        )
        facts = ("dataset", "digest", "fingerprint", *names)

        def text(statement: Any) -> str:
            return str(statement.compile(dialect=dialect))

        lock = func.pg_try_advisory_xact_lock(func.hashtextextended(bindparam("lock"), literal_column("0")))
        self._lock = text(select(lock))
        self._lock_name = f"rowhouse {catalog.schema} answer {dataset.name}"
        kept = select(table.c.fingerprint, *(table.c[name] for name in names))
        self._find = text(kept.where(*own, table.c.answered_at > since))
        self._clear = text(
            delete(table).where(own[0], or_(table.c.digest == bindparam("digest"), table.c.digest.in_(old)))
        )
        self._keep = str(insert(table).compile(dialect=dialect, column_keys=facts))

    def find(self, execute: Execute, request: KeyedRequest) -> Answer | None:
        """Return what was answered to the request before; until the transaction's end nobody else may answer it.

        Raises:
            IdempotencyKeyInUseProblem: Somebody else is about to.
            IdempotencyKeyReusedProblem: It was another request that had this key.
        """
        ((is_ours,),) = execute(self._lock, {"lock": f"{self._lock_name} {request.digest}"})
        if not is_ours:
            raise in_use()
        rows = execute(self._find, {"dataset": self._dataset.name, "digest": request.digest})
        if not rows:
            return None
        fingerprint, is_created, key, data, revision, changed_at = rows[0]
        if fingerprint != request.fingerprint:
            raise IdempotencyKeyReusedProblem(
                "This Idempotency-Key came with another method, path or body. Take a new key for each request."
            )
        value = parse_value(self._dataset.key.type, key)
        row = None if data is None else WrittenRow(value, data.encode(), revision, changed_at)
        return Answer(row, is_created, is_replayed=True)

    def keep(self, execute: Execute, request: KeyedRequest, row: WrittenRow, answer: Answer) -> None:
        """Keep what is answered, and let some go that are too old; `row` is what the request was about."""
        facts = {"dataset": self._dataset.name, "digest": request.digest}
        execute(self._clear, facts)
        execute(
            self._keep,
            facts
            | {
                "fingerprint": request.fingerprint,
                "is_created": answer.is_created,
                "key": format_value(row.key),
                "data": answer.row.data.decode() if answer.row else None,
                "revision": row.revision,
                "changed_at": row.changed_at,
            },
        )


def in_use() -> IdempotencyKeyInUseProblem:
    """Make the problem of a request that is being answered."""
    return IdempotencyKeyInUseProblem(
        "The first request with this Idempotency-Key is not answered yet. Try again soon.",
        headers={"Retry-After": "1"},
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
