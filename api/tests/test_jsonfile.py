"""JSON and NDJSON as data files."""

import json
import tracemalloc

import pytest
from house import STATIONS_YML, House
from rowhouse import opening
from rowhouse.errors import LoadError

YML = STATIONS_YML.replace("  opened: {type: date}", "  notes: {type: json}").replace("max_rejects: 0\n", "")
ROWS = [
    {"id": 1, "name": "a", "height": 1.5, "notes": {"a": [1, "ö"]}, "seen": "2025-01-01T00:00:00Z", "open": True},
    {"open": None, "name": 'x "y",\n\\z', "id": 2, "notes": []},
    {"id": 3, "name": 12345678901234567890123, "height": -1e-7, "notes": 12345678901234567890123},
    {"id": 4, "name": True, "notes": "text"},
    {"id": 5, "name": "", "notes": None},
]
SELECT = "SELECT id, name, height, notes, seen AT TIME ZONE 'UTC' = '2025-01-01', open FROM stations_v1 ORDER BY id"
LOADED = [
    (1, "a", 1.5, {"a": [1, "ö"]}, True, True),
    (2, 'x "y",\n\\z', None, [], None, None),
    (3, "12345678901234567890123", -1e-7, 12345678901234567890123, None, None),
    (4, "true", None, "text", None, None),
    (5, "", None, None, None, None),
]
REJECTS = 'SELECT line, "column", reason, raw FROM dataset_reject ORDER BY line'


def put(house: House, content: str | bytes, file: str, max_rejects: int = 0) -> None:
    yml = YML.replace("stations.csv", file)
    house.put(content, yml=f"{yml}max_rejects: {max_rejects}\n")


def lines(rows: list[object]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.mark.parametrize("bad_rows", [0, 1], ids=["as it is", "through the sieve"])
@pytest.mark.parametrize("file", ["a.ndjson", "a.jsonl", "a.ndjson.gz", "a.json", "a.json.gz", "object.json"])
def test_objects_are_rows(house: House, file: str, bad_rows: int) -> None:
    rows: list[object] = [*ROWS, *[{"id": "x"}] * bad_rows]
    content = json.dumps(rows) if "json" in file.split(".")[1:2] else "\ufeff" + lines(rows) + "\n"
    if file == "object.json":
        content = json.dumps({"meta": {"columns": ["id"], "]": "}"}, "data": rows, "links": {}})
    put(house, content, file, bad_rows)
    house.load()
    assert house.sql(SELECT) == LOADED
    assert house.sql("SELECT rejects FROM dataset_version") == [(bad_rows,)]


BAD_OBJECTS = {
    '{"id": 2': (None, "is not valid JSON: Expecting ',' delimiter: line 1 column 9 (char 8)"),
    '{"id": 3, "nam": 1}': (None, "has 'nam', which is no column in dataset.yml. Did you mean name?"),
    '{"id": 4, "name": {"a": 1}}': (None, "has an object in 'name', whose type is text, not json"),
    '{"id": 5, "name": []}': (None, "has an array in 'name', whose type is text, not json"),
    '{"id": 6, "name": "\\u0000"}': (None, "holds a zero character"),
    '{"id": 7, "name": "\\ud800"}': (None, "holds half of a surrogate pair"),
    '{"id": 8, "height": NaN}': (None, "is not valid JSON: NaN"),
    '{"id": 9, "notes": 1e999}': (None, "has a number in 'notes' that is too great for floating point"),
    '{"id": 10, "notes": "\\u0000"}': ("notes", "was refused: unsupported Unicode escape sequence"),
    '{"id": 1.0}': ("id", 'was refused: invalid input syntax for type bigint: "1.0"'),
    '{"id": 1}': ("id", "is the key of line 1 already"),
    '{"name": "a"}': ("id", "is missing, but the column is required"),
    "3": (None, "is not an object"),
    '{"notes": ' + "[" * 100_000 + "]" * 100_000 + "}": (None, "is nested too deeply"),
}


def test_rejects_name_line_and_object(house: House) -> None:
    put(house, '{"id": 1}\n\n' + "\n".join(BAD_OBJECTS) + '\n{"id": 99, "name": "\\\\"}', "a.ndjson", len(BAD_OBJECTS))
    house.load()
    assert house.sql(REJECTS) == [
        (line, *wrong, raw[:1000]) for line, (raw, wrong) in enumerate(BAD_OBJECTS.items(), start=3)
    ]
    assert house.sql("SELECT id, name FROM stations_v1") == [(1, None), (99, "\\")]


def test_bytes_that_are_no_utf8(house: House) -> None:
    put(house, b'{"id": 1}\n{"id": 2, "name": "\xf6"}\n', "a.ndjson", 1)
    house.load()
    assert house.sql(REJECTS) == [
        (2, None, "is not UTF-8: invalid start byte 0xf6 at byte 20", '{"id": 2, "name": "\\xf6"}')
    ]


def test_an_item_of_an_array_is_named_by_its_number(house: House) -> None:
    put(house, '[{"id": 1}, {"id": 1}, {"id": "x"}, {"id" 3}]', "a.json")
    with pytest.raises(LoadError) as caught:
        house.load()
    assert str(caught.value).splitlines()[1:] == [
        "item 2, column id: '1' is the key of item 1 already. Row: '{\"id\": 1}'",
        'item 3, column id: \'x\' was refused: invalid input syntax for type bigint: "x". Row: \'{"id": "x"}\'',
        "item 4: the row is not valid JSON: Expecting ':' delimiter: line 1 column 7 (char 6). Row: '{\"id\" 3}'",
    ]


def test_a_line_without_an_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "LONGEST_ROW_BYTES", 1 << 10)
    put(house, '{"id": 1}\n{"id": 2, "name": "' + "x" * 2000 + '"}\n', "a.ndjson", 9)
    with pytest.raises(LoadError, match=r"a\.ndjson: line 2: the row does not end within"):
        house.load()


def test_members_may_have_other_names_than_columns(house: House) -> None:
    house.put(
        '{"": 1, "Straße (km)": 2}\n',
        yml="title: x\nfile: a.ndjson\nkey: id\ncolumns:\n"
        "  id: {type: integer, from: 'Straße (km)'}\n  name: {type: text, from: name}\n",
    )
    with pytest.raises(LoadError, match=r"has '', which is no column in dataset\.yml"):
        house.load()


def test_no_rows(house: House) -> None:
    put(house, "[]", "a.json")
    with pytest.raises(LoadError, match=r"a\.json: has no rows\. Put the rows of dataset stations there"):
        house.load()


@pytest.mark.parametrize("file", ["a.ndjson", "a.json"])
def test_a_long_file_does_not_fill_the_memory(house: House, file: str) -> None:
    rows: list[object] = [{"id": i, "name": "y" * 1000, "notes": [i]} for i in range(16_000)]
    put(house, lines(rows) if file == "a.ndjson" else json.dumps(rows), file)
    del rows
    tracemalloc.start()
    try:
        house.load()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000
