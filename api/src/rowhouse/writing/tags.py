"""Entity tags of what can be written, and the conditions that writes are bound to (RFC 9110, 8.8.3 and 13.1).

The first half of a tag names the state, the second the form that it was given in: by whom, as what format, in which
coding. A write looks at the first alone, so that it may name the tag of any answer that had this state.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

from falcon.asgi import Request

from rowhouse.dataset import Dataset
from rowhouse.values import format_value
from rowhouse.versions import Version
from rowhouse.writing.problems import PreconditionFailedProblem
from rowhouse.writing.reading import WrittenRow

_LISTED = re.compile(r'(?P<weak>W/)?"(?P<state>[0-9a-f]{16})[0-9a-f]{16}"')


@dataclass(frozen=True)
class State:
    """What a resource is at one moment.

    Attributes:
        name: Sixteen hex digits, others for any other state.
        changed_at: Since when it is so.
    """

    name: str
    changed_at: datetime

    def tag(self, form: str) -> str:
        """Return the entity tag of the state in a form."""
        return f'"{self.name}{_digest(form)}"'


def state_of_rows(dataset: Dataset, version: Version) -> State:
    """Return the state of all rows together."""
    return _state(f"/{dataset.name}", dataset, version.number, version.loaded_at)


def state_of_row(dataset: Dataset, row: WrittenRow) -> State:
    """Return the state of a row."""
    return _state(f"/{dataset.name}/{format_value(row.key)}", dataset, row.revision, row.changed_at)


@dataclass(frozen=True)
class Preconditions:
    """What a write is bound to.

    Attributes:
        match: If-Match.
        none_match: If-None-Match.
        unmodified_since: If-Unmodified-Since; a date that cannot be read is none.
    """

    match: str | None = None
    none_match: str | None = None
    unmodified_since: datetime | None = None

    @classmethod
    def of(cls, req: Request) -> "Preconditions":
        """Read the headers."""
        return cls(
            req.get_header("If-Match"), req.get_header("If-None-Match"), _date(req.get_header("If-Unmodified-Since"))
        )

    def check(self, state: State | None) -> None:
        """See that they hold for the state, None for what is not there; in RFC 9110's order (13.2.2).

        Raises:
            PreconditionFailedProblem: One does not.
        """
        if self.match is not None:
            if not _is_matched(self.match, state, with_weak=False):
                raise _failed("If-Match", "names no tag of the state that there is", state)
        elif self.unmodified_since and not (state and state.changed_at.replace(microsecond=0) <= self.unmodified_since):
            raise _failed("If-Unmodified-Since", "is before the last change", state)
        if self.none_match is not None and _is_matched(self.none_match, state, with_weak=True):
            raise _failed("If-None-Match", "rules out the state that there is", state)


def _is_matched(listed: str, state: State | None, *, with_weak: bool) -> bool:
    if state is None:
        return False
    if listed.strip() == "*":
        return True
    return any(match["state"] == state.name and (with_weak or not match["weak"]) for match in _LISTED.finditer(listed))


def _failed(header: str, reason: str, state: State | None) -> PreconditionFailedProblem:
    advice = "GET it again, and decide anew" if state else "There is none at all"
    return PreconditionFailedProblem(f"{header} {reason}. {advice}. Nothing was changed.")


def _state(path: str, dataset: Dataset, revision: int, changed_at: datetime) -> State:
    # The time tells it from the same revision in a database that was lost and filled anew.
    return State(_digest(f"{dataset.schema_hash}:{path}:{revision}:{changed_at.timestamp()}"), changed_at)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _date(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text) if text else None
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    return found if found and found.tzinfo else None
