"""Rows that cannot be taken: each message names line, column, value and reason."""

import re

import pytest
from house import HEADER, STATIONS_YML, House
from rowhouse.errors import LoadError
from rowhouse.opening import CHUNK_BYTES

REQUIRED_NAME = STATIONS_YML.replace("name: {type: text}", "name: {type: text, required: true}")

TWO_COLUMNS = STATIONS_YML.partition("  height")[0]


def refusal(house: House, rows: str | bytes, yml: str = STATIONS_YML) -> str:
    """Load, and return what is said about it, without the path before the line and the rejected row behind it."""
    house.put(rows, yml=yml)
    with pytest.raises(LoadError) as caught:
        house.load()
    path = str(house.folder / "stations" / "stations.csv")
    said = str(caught.value)
    assert said.startswith(f"{path}: ")
    head, _, rejects = said.removeprefix(f"{path}: ").partition("\n")
    if not rejects:
        return head
    assert re.match(r"rejected rows: \d+, allowed by max_rejects in dataset.yml: 0\. Nothing was changed", head)
    return re.sub(r" Row: ('.*'|\".*\")$", "", rejects, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1,a,high,,,", "line 3, column height: 'high' was refused: invalid input syntax for type double precision"),
        ("x,a,,,,", "line 3, column id: 'x' was refused: invalid input syntax for type bigint"),
        ("99999999999999999999,,,,,", "line 3, column id: .* out of range for type bigint"),
        ("1,a,,2025-02-30,,", "line 3, column opened: '2025-02-30' was refused: date/time field value out of range"),
        ("1,a,,03/04/2025,,", "line 3, column opened: '03/04/2025' was refused"),
        ("1,a,,,,perhaps", "line 3, column open: 'perhaps' was refused: invalid input syntax for type boolean"),
        ("1,a,,,", "line 3: the row has 5 fields instead of 6"),
        ("1,a,,,,,9", "line 3: the row has 7 fields instead of 6"),
        ('1,"a,,,,', "line 3: a quote in this row is not closed up to the end of the file"),
        (
            '1,"a,,,,\n2,"b,,,,,',
            r"line 3: .* 7 fields instead of 6 and goes on to line 4: is a quote left open\?",
        ),
        ("1,a,NaN,,,", "line 3, column height: 'NaN' is not a number that JSON can say"),
        ("1,a,-Infinity,,,", "line 3, column height: '-Infinity' is not a number that JSON can say"),
        ("1,a,,infinity,,", "line 3, column opened: .* lies outside the years 1 to 9999"),
        ("1,a,,,0044-03-15 BC,", "line 3, column seen: .* lies outside the years 1 to 9999"),
        (",a,,,,", "line 3, column id: the value is missing, but the column is required"),
        ("7,a,,,,", "line 3, column id: '7' is the key of line 2 already"),
    ],
)
def test_a_bad_row(house: House, row: str, said: str) -> None:
    assert re.match(said, refusal(house, f"{HEADER}7,first,,,,\n{row}\n"), re.DOTALL)


def test_a_row_behind_one_of_several_lines_is_named_by_its_own_line(house: House) -> None:
    rows = HEADER + '1,"two\nlines",,,,\n2,"three\n\nlines",,,,\n3,,,,,\n'
    assert refusal(house, rows, REQUIRED_NAME).startswith("line 7, column name: the value is missing")


def test_every_column_that_is_wrong_is_said_and_ten_rows(house: House) -> None:
    rows = HEADER + "".join(f"{i},,NaN,,,\n" for i in range(12))
    lines = refusal(house, rows, REQUIRED_NAME).splitlines()
    assert [line.partition(",")[0] for line in lines[:10]] == [f"line {i}" for i in range(2, 12)]
    assert all(
        "column name: the value is missing, but the column is required; also refused: height" in line
        for line in lines[:10]
    )
    assert lines[10:] == ["and 2 more like these."]


def test_bytes_that_are_no_utf8(house: House) -> None:
    said = refusal(house, HEADER.encode() + b"1,K\xf6ln,,,,\n")
    assert said == "line 2: the row is not UTF-8: invalid start byte 0xf6 at byte 4."


def test_a_header_without_rows(house: House) -> None:
    assert refusal(house, HEADER) == "has no rows. Put the rows of dataset stations there."


@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_an_end_marker_in_the_middle_hides_no_rows(house: House, before: int) -> None:
    # Its bytes lie across the end of the chunk that COPY reads.
    padding = "x" * (CHUNK_BYTES - len("id,name\n1,\n") - before)
    rows = f"id,name\n1,{padding}\n\\.\n2,b\n"
    assert refusal(house, rows, TWO_COLUMNS).startswith(r"line 3: the row holds \. alone")


def test_what_only_looks_like_an_end_marker_is_data(house: House) -> None:
    house.put('id,name\n1,a\\.\n2,\\.\n3,"\\."\n', yml=TWO_COLUMNS)
    house.load()
    assert house.sql("SELECT name FROM stations_v1") == [("a\\.",), ("\\.",), ("\\.",)]
