"""What is asked of the store of logs, and what becomes of its answer."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.rowhouse.platform.plugins.module_utils.log_lookup import Line, Question, QuestionError, lines

NOW = datetime(2026, 1, 31, 9, 30, 30, tzinfo=UTC)
NOTHING = {
    "request_id": "",
    "component": "",
    "level": "",
    "text": "",
    "since": "",
    "until": "",
    "lines": 200,
}


def question(**asked: object) -> Question:
    return Question.of(NOTHING | asked, NOW)


def entry(**fields: Any) -> str:
    usual = {"TIME": "2026-01-31T09:29:00.000000001Z", "POD": "api-1", "COMPONENT": "api", "STREAM": "stderr"}
    return json.dumps(usual | fields)


def test_without_a_wish_it_is_the_last_quarter_of_an_hour() -> None:
    words = question().words()
    assert "--lines=200" in words
    # A minute earlier, as clocks differ.
    assert f"--since=@{int(NOW.timestamp()) - 16 * 60}" in words


def test_a_request_is_looked_for_in_all_that_is_kept() -> None:
    words = question(request_id="a-1").words()
    assert "REQUEST_ID=a-1" in words
    assert not any(word.startswith("--since") for word in words)


def test_a_level_is_the_least_and_a_text_no_pattern() -> None:
    words = question(level="error", component="api", text="a.b*").words()
    assert {"LEVEL=error", "LEVEL=critical", "COMPONENT=api", r"--grep=a\.b\*"} <= set(words)
    assert "LEVEL=warning" not in words


def test_a_time_with_an_end_is_looked_for_by_the_lines_own_minutes() -> None:
    words = question(since="2026-01-31T09:00", until="2026-01-31T10:02:30+01:00").words()
    assert [word for word in words if word.startswith("MINUTE=")] == [
        "MINUTE=2026-01-31T09:00",
        "MINUTE=2026-01-31T09:01",
        "MINUTE=2026-01-31T09:02",
    ]
    assert not any(word.startswith("--since") for word in words)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"request_id": "a b"}, "request_id is 'a b': give 1 to 128"),
        ({"component": "-x"}, "component is '-x'"),
        ({"level": "bad"}, "level is 'bad': give one of debug"),
        ({"text": "two\nlines"}, "give at most 200 characters in one line"),
        ({"since": "soon"}, "since is 'soon': give how long ago"),
        ({"since": "1m", "until": "2m"}, "until is to be after since"),
        ({"since": "3d", "until": "1d"}, "by a day at most"),
        ({"since": "999999d"}, "since is '999999d'"),
        ({"lines": 10_001}, "give a number from 1 to 10000"),
    ],
)
def test_what_is_malformed_is_refused_by_name(asked: dict[str, object], words: str) -> None:
    with pytest.raises(QuestionError) as refusal:
        question(**asked)
    assert words in str(refusal.value)


def test_lines_come_once_in_the_order_of_their_times_and_none_is_too_early() -> None:
    early, late = entry(MESSAGE="early"), entry(TIME="2026-01-31T09:30:00.1Z", MESSAGE="late")
    before = entry(TIME="2026-01-31T09:15:29.9Z", MESSAGE="before")
    found = lines("\n".join([late, early, before, early, "-- No entries --"]), question())
    assert [line.text for line in found] == ["early", "late"]


def test_bytes_that_are_no_text_are_shown_all_the_same() -> None:
    (line,) = lines(entry(MESSAGE=[255, 104, 105]), question())
    assert line.text == "\ufffdhi"


def shown(text: str, **fields: str) -> str:
    place = {"time": "2026-01-31T09:29:00.123456789Z", "pod": "p", "component": "api", "stream": "stderr"}
    return Line(**(place | {"level": "", "request_id": "", "text": text} | fields)).shown()


def test_a_line_of_json_is_shown_as_words_and_another_as_it_is() -> None:
    told = json.dumps({"level": "info", "message": "Answered", "status": 200, "key": None, "request_id": "a"})
    assert shown(told, level="info", request_id="a") == (
        "2026-01-31 09:29:00.123 api info Answered status=200 request_id=a"
    )
    assert shown("LOG:  ready") == "2026-01-31 09:29:00.123 api LOG:  ready"
    assert shown('{"no": "message"}') == '2026-01-31 09:29:00.123 api {"no": "message"}'


def test_nothing_that_a_line_holds_moves_the_cursor() -> None:
    assert shown("\x1b[2Jgone") == "2026-01-31 09:29:00.123 api ?[2Jgone"
