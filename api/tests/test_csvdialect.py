"""CSV in other dialects and encodings than PostgreSQL reads, by both ways of loading."""

import csv
import io

import pytest
from house import HEADER, STATIONS_YML, House
from hypothesis import given
from hypothesis import strategies as st
from rowhouse.csvdialect import DialectCsv
from rowhouse.datafile import DataFile
from rowhouse.dataset import Column, ColumnType, Csv, Dataset
from rowhouse.errors import LoadError
from rowhouse.opening import csv_line

SELECT = "SELECT id, name, height, opened::text FROM stations_v1 ORDER BY id"
REJECTS = "SELECT line, reason, raw FROM dataset_reject ORDER BY line"


def load(house: House, content: str | bytes, dialect: str, max_rejects: int = 0) -> list[tuple[object, ...]]:
    yml = STATIONS_YML.partition("  seen")[0]
    house.put(content, yml=f"{yml}csv: {{{dialect}}}\nmax_rejects: {max_rejects}\n")
    house.load()
    return house.sql(SELECT)


@pytest.mark.parametrize("bad_rows", [0, 1], ids=["as it is", "through the sieve"])
@pytest.mark.parametrize(
    ("encoding", "newline"), [("iso-8859-15", "\r\n"), ("utf-8", "\n"), ("utf-8-sig", "\r\n"), ("utf-16", "\n")]
)
def test_what_spreadsheets_write(house: House, bad_rows: int, encoding: str, newline: str) -> None:
    text = (
        'id;name;height;opened\n1;"Köln; €";1,5;2025-01-31\n2;"";-1e3;\n3;;NA;NA\n4;"a""\nb";"0,5";\n'
        + "x;;;\n" * bad_rows
    )
    content = text.replace("\n", newline).encode(encoding)
    rows = load(
        house, content, f'delimiter: ";", decimal: ",", encoding: {encoding}, missing_values: ["", NA]', bad_rows
    )
    assert rows == [
        (1, "Köln; €", 1.5, "2025-01-31"),
        (2, "", -1000.0, None),
        (3, None, None, None),
        (4, f'a"{newline}b', 0.5, None),
    ]
    assert house.sql("SELECT rejects FROM dataset_version") == [(bad_rows,)]


@pytest.mark.parametrize(
    ("dialect", "content", "row"),
    [
        ("delimiter: '\\t'".replace("'", '"'), "id\tname\theight\topened\n1\ta,b\t2\t\n", (1, "a,b", 2.0, None)),
        ('quote: "\'"', "id,name,height,opened\n1,'it''s \"',2,\n", (1, "it's \"", 2.0, None)),
        ('quote: ""', 'id,name,height,opened\n1,5" wide,,\n', (1, '5" wide', None, None)),
        ('missing_values: ["-"]', "id,name,height,opened\n1,,-,-\n", (1, "", None, None)),
        ("decimal: ','", 'id,name,height,opened\n1,"1.5, 2","1,5",\n', (1, "1.5, 2", 1.5, None)),
        ("encoding: utf8", "id,name,height,opened\n1,ö,,\n", (1, "ö", None, None)),
    ],
)
def test_a_dialect(house: House, dialect: str, content: str, row: tuple[object, ...]) -> None:
    assert load(house, content, dialect) == [row]


def test_empty_columns_behind_the_last_one_need_no_word(house: House) -> None:
    house.put(
        f'{HEADER.strip()},,\n1,a,,,,,,\n2,b,,,,,,""\n3,c,,,,,,x\n4,d,,,,,\n', yml=f"{STATIONS_YML}max_rejects: 2\n"
    )
    house.load()
    assert house.sql("SELECT id, name FROM stations_v1") == [(1, "a"), (2, "b")]
    assert house.sql(REJECTS) == [
        (4, "holds a value behind the last column", "3,c,,,,,,x"),
        (5, "has 7 fields instead of 8", "4,d,,,,,"),
    ]


def test_rejects_name_line_and_row_as_they_are_in_the_file(house: House) -> None:
    bad = [b"2;b;1.5;", b"3;\x81;;", b"4;a", b'5;"a"b;;', b"6;a\rb;;", b"7;\0;;", b'8;"a\nb";x;']
    content = b"id;name;height;opened\n1;a;;\n" + b"\n".join(bad) + b"\n"
    load(house, content, 'delimiter: ";", decimal: ",", encoding: windows-1252', len(bad))
    assert house.sql(REJECTS) == [
        (3, "holds the number '1.5', but the decimal sign is ','", "2;b;1.5;"),
        (4, "is not cp1252", "3;\\x81;;"),
        (5, "has 2 fields instead of 4", "4;a"),
        (6, "';' expected after '\"'", '5;"a"b;;'),
        (7, "holds a carriage return outside quotes", "6;a\rb;;"),
        (8, "holds a zero byte", "7;\\x00;;"),
        (9, 'was refused: invalid input syntax for type double precision: "x"', '8;"a\nb";x;'),
    ]


def test_half_a_character_at_the_end_is_no_utf16(house: House) -> None:
    content = "id,name,height,opened\n1,a,,\n".encode("utf-16") + b"x"
    with pytest.raises(LoadError, match=r"stations\.csv: is not utf-16: .*truncated data"):
        load(house, content, "encoding: utf-16")


def test_a_field_may_be_long(house: House) -> None:
    rows = load(house, f"id;name;height;opened\n1;{'x' * 200_000};;\n", 'delimiter: ";"')
    assert rows == [(1, "x" * 200_000, None, None)]


def test_another_dialect_loads_the_same_file_anew(house: House) -> None:
    content = 'id,name,height,opened\n1,a,"1.5",\n'
    load(house, content, "missing_values: ['']")
    load(house, content, "missing_values: ['', a]")
    assert house.sql("SELECT name FROM stations_v1 UNION ALL SELECT name FROM stations_v2") == [("a",), (None,)]


fields = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=8)
COLUMNS = tuple(Column(name=name, type=ColumnType.TEXT) for name in "abc")


@given(
    rows=st.lists(st.tuples(fields, fields, fields), max_size=4),
    delimiter=st.sampled_from(";\t|"),
    quote=st.sampled_from("\"'"),
)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str | None, ...]], delimiter: str, quote: str
) -> None:
    written = io.StringIO()
    writer = csv.writer(written, delimiter=delimiter, quotechar=quote, quoting=csv.QUOTE_NOTNULL, lineterminator="\n")
    writer.writerows([("a", "b", "c"), *rows])
    folder = tmp_path_factory.mktemp("written")
    (folder / "x.csv").write_text(written.getvalue(), newline="")
    dataset = Dataset(
        name="x",
        title="",
        description="",
        source="",
        file="x.csv",
        key=COLUMNS[0],
        columns=COLUMNS,
        csv=Csv(delimiter=delimiter, quote=quote),
    )
    plain = b"".join(DataFile(dataset, folder).chunks()).decode()
    assert isinstance(DataFile(dataset, folder)._rows, DialectCsv)
    assert plain == "".join(f"{csv_line(row)}\n" for row in rows)
