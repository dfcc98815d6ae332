"""What is asked of the store of logs, as words for journalctl, and what it answers, as lines for people.

An entry has the fields that the collector of the role logging gives it: TIME, MINUTE, COMPONENT, POD, STREAM, LEVEL,
REQUEST_ID and MESSAGE, the line as it was written.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError

# What a look-up takes where nobody says since when.
USUAL = timedelta(minutes=15)
LEVELS = ("debug", "info", "warning", "error", "critical")
MOST_LINES = 10_000
# Each minute of a time that has an end is a word for journalctl.
_LONGEST = timedelta(days=1)
# An entry arrives after its line was written; clocks of nodes differ by less than this.
_SKEW = timedelta(minutes=1)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
# Fields of a line of JSON that have a place of their own, or say what another one says.
_PLACED = frozenset({"time", "level", "logger", "message", "request_id"})


class QuestionError(RefusalError):
    """A value that cannot be asked for; the text names it and says how it is written."""


@dataclass(frozen=True)
class Question:
    """What is looked for; an empty text, or None, is not asked about.

    Attributes:
        request_id: Of the request.
        component: Name of the container.
        level: The least; a line that has none is not found by it.
        text: Part of the line, in whatever case.
        since: The first moment.
        until: The last minute.
        lines: How many at most, the newest of them.
    """

    request_id: str
    component: str
    level: str
    text: str
    since: datetime | None
    until: datetime | None
    lines: int

    @classmethod
    def of(cls, asked: Mapping[str, Any], now: datetime) -> "Question":
        """Read what a user asks for.

        Raises:
            QuestionError: A value is malformed.
        """
        texts = {name: str(asked[name]) for name in ("request_id", "component", "level", "text", "since", "until")}
        _refuse(texts, "request_id", r"[A-Za-z0-9._~:+/=-]{1,128}", "1 to 128 letters, digits or ._~:+/=-")
        _refuse(texts, "component", r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", "the name of a container, as api or postgres")
        _refuse(texts, "level", "|".join(LEVELS), f"one of {', '.join(LEVELS)}")
        _refuse(texts, "text", r"[^\x00-\x1f]{1,200}", "at most 200 characters in one line")
        if not 1 <= asked["lines"] <= MOST_LINES:
            raise QuestionError(f"lines is {asked['lines']}: give a number from 1 to {MOST_LINES}.")
        since, until = _moment("since", texts["since"], now), _moment("until", texts["until"], now)
        if since is None and not texts["request_id"]:
            # By the id of a request all that is kept is found at once.
            since = (until or now) - USUAL
        if until is not None:
            since = since or until - _LONGEST
            if not timedelta() <= until - since <= _LONGEST:
                raise QuestionError("until is to be after since, and by a day at most: narrow the time down.")
        request_id, component, level, text = (texts[name] for name in ("request_id", "component", "level", "text"))
        return cls(request_id, component, level, text, since, until, asked["lines"])

    def words(self) -> list[str]:
        """Return the arguments of journalctl."""
        matches = [
            *_field("REQUEST_ID", self.request_id),
            *_field("COMPONENT", self.component),
            *(f"LEVEL={level}" for level in (LEVELS[LEVELS.index(self.level) :] if self.level else ())),
        ]
        options = [f"--lines={self.lines}"]
        if self.text:
            options += [f"--grep={re.escape(self.text)}", "--case-sensitive=no"]
        if self.until is not None and self.since is not None:
            matches += [f"MINUTE={minute}" for minute in _minutes(self.since, self.until)]
        elif self.since is not None:
            options.append(f"--since=@{int((self.since - _SKEW).timestamp())}")
        return ["--output=json", "--all", "--quiet", "--no-pager", *options, *matches]


@dataclass(frozen=True, order=True)
class Line:
    """A line of a log.

    Attributes:
        time: When it was written, in UTC with nanoseconds, so that texts are in the order of times.
        pod: Which wrote it.
        component: Name of the container.
        stream: stdout or stderr.
        level: Empty where none is known.
        request_id: Empty where none is known.
        text: The line, as it was written.
    """

    time: str
    pod: str
    component: str
    stream: str
    level: str
    request_id: str
    text: str

    def shown(self) -> str:
        """Return the line for a screen: when, who, how bad, what, and the rest of what it says."""
        try:
            content = json.loads(self.text)
            message = content["message"]
        except (ValueError, KeyError, TypeError):
            message, rest = self.text, {}
        else:
            rest = {key: value for key, value in content.items() if key not in _PLACED and value is not None}
        words = [f"{self.time[:23].replace('T', ' ')} {self.component}", self.level, str(message)]
        words += [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in rest.items()]
        words += [f"request_id={self.request_id}"] if self.request_id else []
        # What moves the cursor of a terminal is not for a screen.
        return re.sub(r"[\x00-\x1f\x7f-\x9f]", "?", " ".join(word for word in words if word))


def lines(answer: str, question: Question) -> list[Line]:
    """Return the lines that journalctl has written, the newest last, each once."""
    found = {_line(json.loads(entry)) for entry in answer.splitlines() if entry.startswith("{")}
    since = "" if question.since is None else question.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return sorted(line for line in found if line.time >= since)


def _line(entry: Mapping[str, Any]) -> Line:
    names = ("TIME", "POD", "COMPONENT", "STREAM", "LEVEL", "REQUEST_ID", "MESSAGE")
    return Line(*(_text(entry.get(name)) for name in names))


def _text(value: object) -> str:
    """Return a value of journalctl's JSON: what is no UTF-8 is a list of bytes there."""
    if isinstance(value, list):
        return bytes(value).decode(errors="replace")
    return "" if value is None else str(value)


def _field(name: str, value: str) -> Iterator[str]:
    if value:
        yield f"{name}={value}"


def _minutes(since: datetime, until: datetime) -> Iterator[str]:
    minute = since.astimezone(UTC).replace(second=0, microsecond=0)
    while minute <= until:
        yield minute.strftime("%Y-%m-%dT%H:%M")
        minute += timedelta(minutes=1)


def _refuse(texts: Mapping[str, str], name: str, pattern: str, allowed: str) -> None:
    if texts[name] and not re.fullmatch(pattern, texts[name]):
        raise QuestionError(f"{name} is {texts[name]!r}: give {allowed}.")


def _moment(name: str, text: str, now: datetime) -> datetime | None:
    if not text:
        return None
    ago = re.fullmatch(r"(\d{1,6})([smhd])", text)
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        moment = datetime.fromisoformat(text)
    except (OverflowError, ValueError):
        written = "how long ago, as 90s, 15m, 3h or 2d, or a time, as 2026-01-31T09:30 (UTC)"
        raise QuestionError(f"{name} is {text!r}: give {written}.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def journalctl(folder: str, words: Sequence[str]) -> list[str]:
    """Return the command that asks the store which keeps its files in the folder."""
    return ["journalctl", f"--directory={folder}", *words]
