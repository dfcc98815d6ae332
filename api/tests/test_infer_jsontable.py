"""What is seen of JSON."""

import json
from pathlib import Path

import pytest
from rowhouse.errors import InspectionError
from rowhouse.infer.jsontable import read_json
from rowhouse.infer.source import read_source
from rowhouse.infer.tables import Table

ROWS = [{"id": 1, "at": {"x": [1, "ä"]}}, {"id": 2.5, "at": None, "late": "x"}, {"id": True}]


def table(folder: Path, content: str, name: str = "a.json") -> Table:
    path = folder / name
    path.write_text(content)
    return read_json(read_source(path), as_lines=name != "a.json")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (json.dumps(ROWS), "a.json"),
        ("\ufeff " + json.dumps(ROWS, indent=2) + "\n\n", "a.json"),
        ("\n".join(map(json.dumps, ROWS)), "a.ndjson"),
        ("\r\n".join(map(json.dumps, ROWS)) + "\r\n\r\n", "a.jsonl"),
    ],
)
def test_members_are_columns(tmp_path: Path, content: str, name: str) -> None:
    found = table(tmp_path, content, name)
    assert (found.rows, found.complete, found.dialect) == (3, True, None)
    assert [(column.header, column.missing, column.kinds, dict(column.counts)) for column in found.columns] == [
        ("id", 0, {"integer", "number", "boolean"}, {"1": 1, "2.5": 1, "true": 1}),
        ("at", 2, {"json"}, {'{"x": [1, "ä"]}': 1}),
        ("late", 2, {"text"}, {"x": 1}),
    ]


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    found = table(tmp_path, '[\n {"a": 1},\n {"a":\n 2}, {"a": 1}\n]')
    assert found.columns[0].lines == {"1": (2, 4), "2": (3,)}


def test_what_postgresql_does_not_take_is_told_of(tmp_path: Path) -> None:
    found = table(tmp_path, '[{"a": "\\u0000"},\n{"a": ["\\ud800"]}, {"a": 1e400}, {"a": 1}]')
    assert found.rows == 1
    assert len(found.notes) == 3
    assert found.notes[1] == "The row in line 2 holds a character or number that PostgreSQL does not"


def test_the_array_may_be_in_an_object(tmp_path: Path) -> None:
    found = table(tmp_path, '{"meta": {"n": [1]}, "count": 2,\n "data": [\n{"a": 1}], "x": 1}')
    assert found.columns[0].lines == {"1": (3,)}


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        ("[]", "a.json", "has no rows."),
        ("[{}]", "a.json", "has no rows."),
        ("[\n1]", "a.json", 'line 2: a row must be an object like {"column": 1}, not 1.'),
        ('[{"a": 1}\n {"a": 2}]', "a.json", "line 2, column 2: is not JSON: ',' or ']' is missing."),
        ('[{"a": 1},\n{"a"}]', "a.json", "line 2, column 5: is not JSON: Expecting ':' delimiter. Correct it there."),
        ('[{"a": 1},\n]', "a.json", "line 2, column 1: is not JSON: there is no row behind the last ','."),
        ('[{"a": 1}\n', "a.json", "line 2: ends before the array does. Is the file whole?"),
        ('[{"a": 1},\n', "a.json", "line 2: ends before the array does."),
        ("[", "a.json", "line 1: ends before the array does."),
        ('[{"a": NaN}]', "a.json", "line 1: the row cannot be read: NaN is not JSON."),
        ("[" * 100_000, "a.json", "line 1: the row cannot be read"),
        ('{"a": 1}\n{"a": 2}', "a.json", "line 1: begins with '{', where an array of rows is needed"),
        ('{"data": 1,, "x": []}', "a.json", "line 1: begins with '{', where an array of rows is needed"),
        ('[{"a": 1}]', "a.ndjson", "line 1: begins with an array, where NDJSON has an object a line."),
        ('{"a": 1}\n{"a": 2,\n', "a.ndjson", "line 3, column 1: is not JSON: Expecting property name"),
        ('{"a": 1} {"a": 2}\n', "a.ndjson", "line 1, column 10: is not JSON: a line holds more than one value."),
        ('[{"": 1}]', "a.json", "line 1: the rows up to here have a member without a name."),
        (json.dumps([{str(number): 1} for number in range(1001)]), "a.json", "more than 1000 different members"),
        ("hello", "a.json", "line 1: begins with 'h', where an array of rows is needed, or an object"),
    ],
)
def test_what_is_no_table_is_named(tmp_path: Path, content: str, name: str, said: str) -> None:
    with pytest.raises(InspectionError) as caught:
        table(tmp_path, content, name)
    assert str(caught.value).startswith(f"{tmp_path}/{name}: ")
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["a.json", "a.ndjson"])
def test_a_large_file_is_seen_at_its_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("rowhouse.infer.source.HEAD_BYTES", 1000)
    rows = [json.dumps({"id": number}) for number in range(1000)]
    found = table(tmp_path, f"[{','.join(rows)}]" if name == "a.json" else "\n".join(rows), name)
    assert not found.complete
    assert 50 < found.rows < 100
