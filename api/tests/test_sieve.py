"""Files with rows that cannot be taken: loaded without them, as far as max_rejects allows."""

import logging
import os
import tracemalloc
from contextlib import nullcontext

import pytest
from house import HEADER, STATIONS_YML, House
from rowhouse import opening, progress
from rowhouse.errors import LoadError

REQUIRED_NAME = STATIONS_YML.replace("name: {type: text}", "name: {type: text, required: true}")
REJECTS = 'SELECT version, line, "column", value, reason, raw FROM dataset_reject ORDER BY version, line'

# A good row, then one of each kind of bad ones.
GOOD_ROWS = '1,a,1.5,2025-01-31,2025-01-01T00:00:00Z,true\n2,"two\n""lines""",,,,\n'
BAD_ROWS = {
    "x,type,,,,": ("id", "x", 'was refused: invalid input syntax for type bigint: "x"'),
    "3,type,,2025-02-30,,": ("opened", "2025-02-30", 'was refused: date/time field value out of range: "2025-02-30"'),
    "4,,,,,": ("name", None, "is missing, but the column is required"),
    "5,json,NaN,,,": ("height", "NaN", "is not a number that JSON can say"),
    "6,json,,infinity,,": ("opened", "infinity", "lies outside the years 1 to 9999"),
    "7,few,,,": (None, None, "has 5 fields instead of 6"),
    "8,many,,,,,": (None, None, "has 7 fields instead of 6"),
    "1,key,,,,": ("id", "1", "is the key of line 2 already"),
    "9,return\r,,,,": (None, None, "holds a carriage return outside quotes"),
    "": (None, None, "has 1 fields instead of 6"),
    "\\.": (None, None, "holds \\. alone, the end of all data to PostgreSQL: put it in quotes"),
    '10,"wrong\ntwice",high,,never,': (
        "height",
        "high",
        'was refused: invalid input syntax for type double precision: "high"; also refused: seen',
    ),
}


def put(house: House, max_rejects: int, rows: str = GOOD_ROWS + "\n".join(BAD_ROWS) + "\n") -> None:
    house.put(HEADER + rows, yml=f"{REQUIRED_NAME}max_rejects: {max_rejects}\n")


def test_every_kind_of_bad_row_is_left_out_and_kept_beside_the_version(house: House) -> None:
    put(house, len(BAD_ROWS))
    house.load()
    assert house.sql("SELECT id, name FROM stations_v1") == [(1, "a"), (2, 'two\n"lines"')]
    assert house.sql("SELECT rows, rejects FROM dataset_version") == [(2, len(BAD_ROWS))]
    assert house.sql(REJECTS) == [(1, line, *wrong, raw) for line, (raw, wrong) in enumerate(BAD_ROWS.items(), start=5)]


def test_one_reject_more_than_allowed_changes_nothing(house: House) -> None:
    put(house, 0, "1,a,,,,\n")
    house.load()
    put(house, len(BAD_ROWS) - 1)
    done = house.run("load")
    assert done.returncode == os.EX_DATAERR
    said = done.stderr[done.stderr.index("rowhouse: ") :].splitlines()
    file = house.folder / "stations" / "stations.csv"
    assert said[0].startswith(f"rowhouse: {file}: rejected rows: 12, allowed by max_rejects in dataset.yml: 11. ")
    assert said[1] == (
        "line 5, column id: 'x' was refused: invalid input syntax for type bigint: \"x\". Row: 'x,type,,,,'"
    )
    assert said[3] == "line 7, column name: the value is missing, but the column is required. Row: '4,,,,,'"
    assert said[-1] == "and 2 more like these."
    assert len(said) == 12
    assert house.tables() == ["stations_v1"]
    assert house.sql(REJECTS) == []


def test_the_limit_decides_whether_content_is_loaded_again(house: House) -> None:
    rows = "1,a,,,,\nx,a,,,,\ny,a,,,,\n"
    for max_rejects, versions in ((1, []), (2, [2]), (7, [2]), (2, [2]), (1, [2])):
        put(house, max_rejects, rows)
        with nullcontext() if max_rejects > 1 else pytest.raises(LoadError, match=r"rejected rows: 2, allowed .*: 1\."):
            house.load()
        assert house.sql("SELECT version FROM dataset_version") == [(version,) for version in versions]


def test_nothing_but_rejects_is_no_version(house: House) -> None:
    put(house, 100, "x,,,,,\n")
    with pytest.raises(LoadError, match=r"every row was rejected.*\nline 2, column id: 'x'"):
        house.load()


def test_rejects_go_with_their_version(house: House) -> None:
    for number in range(1, 5):
        put(house, 1, f"{number},a,,,,\nx,a,,,,\n")
        house.load()
    assert house.sql("SELECT version, line FROM dataset_reject ORDER BY 1") == [(2, 3), (3, 3), (4, 3)]


def test_repeated_values_are_found_wherever_they_are(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "CHUNK_BYTES", 1 << 8)
    monkeypatch.setattr("rowhouse.sieve._LINES_AT_ONCE", 2)
    rows = [f'{i % 90},"{i}",{i % 80 / 8},,,\n' for i in range(100)]
    yml = STATIONS_YML.replace("{type: number, unit: m}", "{type: number, unique: true}")
    house.put(HEADER + "".join(rows), yml=f"{yml}max_rejects: 100\n")
    house.load()
    repeats = [
        *((90 + i + 2, "id", str(i), f"is the key of line {i + 2} already") for i in range(10)),
        *((80 + i + 2, "height", str(i / 8), f"is there in line {i + 2} already (rule unique)") for i in range(10)),
    ]
    assert house.sql('SELECT line, "column", value, reason FROM dataset_reject ORDER BY line') == sorted(repeats)
    assert house.sql("SELECT id FROM stations_v1 ORDER BY id") == [(i,) for i in range(80)]
    assert house.sql("SELECT raw FROM dataset_reject WHERE line = 92") == [(rows[90].strip(),)]


@pytest.mark.parametrize("bad_rows", [0, 1], ids=["as it is", "through the sieve"])
def test_a_table_keeps_nothing_of_its_making(house: House, bad_rows: int) -> None:
    put(house, bad_rows, "1,a,,,,\n" + "x,a,,,,\n" * bad_rows)
    house.load()
    names = (
        "SELECT attname FROM pg_attribute WHERE attrelid = 'stations_v1'::regclass"
        " AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    )
    assert [name for (name,) in house.sql(names)] == HEADER.strip().split(",")
    assert house.sql("SELECT contype FROM pg_constraint WHERE conrelid = 'stations_v1'::regclass") == [("p",)]


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "byte order mark"])
def test_good_rows_are_the_same_by_both_ways(house: House, newline: str, mark: str) -> None:
    rows = "\n".join(
        [
            '1,"",,,,',
            "2,,1e-7,0001-01-01,9999-12-31 23:59:59.999999+00,yes",
            '3,"a""b",-0.5,2025-01-01,"2025-01-01, 12:00 +02",f',
            '4,mid"dle, with "quotes,0,,,0',
            '"5","\\",,,,',
            '6,"\n\\.\n",,,,',
            " 7 ,  ä😀  ,,,,",
        ]
    )
    selected = "SELECT s.*, seen::text FROM stations_v{} s ORDER BY id"
    for ending in ("\n", "\nx,,,,,\n"):
        house.put((mark + HEADER + rows + ending).replace("\n", newline), yml=f"{STATIONS_YML}max_rejects: 1\n")
        house.load()
    assert house.sql("SELECT rows, rejects FROM dataset_version ORDER BY version") == [(7, 0), (7, 1)]
    assert house.sql(selected.format(1)) == house.sql(selected.format(2))


def test_line_ends_of_both_kinds_are_no_reason_to_refuse(house: House) -> None:
    put(house, 0, "1,a,,,,\n2,a,,,,\r\n3,a,,,,\n")
    house.load()
    assert house.sql("SELECT rows, rejects FROM dataset_version") == [(3, 0)]


def test_columns_may_have_the_names_that_the_sieve_uses(house: House) -> None:
    names = ["line", "column", "value", "reason", "raw", "name", "first", "cell", "sieve_row", "Line", "from"]
    columns = "".join(f"  {name}: {{type: integer}}\n" for name in names)
    row = ",1" * len(names)
    house.put(
        f"id,{','.join(names)}\n1{row}\n1{row}\n2,x{row[2:]}\n",
        yml=f"{STATIONS_YML.partition('  name')[0]}{columns}max_rejects: 2\n",
    )
    house.load()
    assert [wrong[1:4] for wrong in house.sql(REJECTS)] == [(3, "id", "1"), (4, "line", "x")]
    assert house.sql("SELECT id, line, sieve_row FROM stations_v1") == [(1, 1, 1)]


def test_a_long_row_is_cut_where_it_is_kept_and_where_it_is_shown(house: House) -> None:
    put(house, 1, f"1,a,,,,\n2,{'ä' * 5000},{'9' * 5000}x,,,\n")
    house.load()
    ((value, raw),) = house.sql("SELECT length(value), length(raw) FROM dataset_reject")
    assert value == 1000
    assert 500 <= int(str(raw)) <= 1000
    put(house, 0, f"1,a,,,,\n2,{'ä' * 5000},{'9' * 5000}x,,,\n")
    with pytest.raises(LoadError) as caught:
        house.load()
    assert len(str(caught.value).splitlines()[1]) < 500


def test_a_quote_that_is_never_closed_does_not_fill_the_memory(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "LONGEST_ROW_BYTES", 1 << 16)
    monkeypatch.setattr(opening, "CHUNK_BYTES", 1 << 12)
    rows = "".join(f'{i},"Station {i}",,,,\n' for i in range(3, 20_000))
    put(house, 1000, f'1,a,,,,\n2,5" wide,,,,\n{rows}')
    with pytest.raises(LoadError, match=r"line 3: a quote in this row is not closed within .* cannot be told apart"):
        house.load()
    assert house.tables() == []


def test_an_earlier_releases_tables_are_brought_up_to_date(house: House) -> None:
    put(house, 0, "1,a,,,,\n")
    house.load()
    house.sql("DROP TABLE dataset_reject; ALTER TABLE dataset_version DROP COLUMN rejects")
    put(house, 1, "1,a,,,,\nx,a,,,,\n")
    house.load()
    assert house.sql("SELECT version, rejects FROM dataset_version ORDER BY 1") == [(1, 0), (2, 1)]


@pytest.mark.parametrize("bad_rows", [0, 1], ids=["as it is", "through the sieve"])
def test_a_long_reading_says_how_far_it_is(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, bad_rows: int
) -> None:
    monkeypatch.setattr(progress, "_LOG_SECONDS", 0)
    put(house, 1, "1,a,,,,\n" + "x,a,,,,\n" * bad_rows)
    with caplog.at_level(logging.INFO):
        house.load()
    path = house.folder / "stations" / "stations.csv"
    assert f"{path}: 2 lines, 0.0 of 0.0 MB, 100 %" in caplog.text
    assert "lines read in 0 s; checks and key follow" in caplog.text


@pytest.mark.parametrize("bad_rows", [0, 1000], ids=["as it is", "through the sieve"])
def test_a_long_file_does_not_fill_the_memory(house: House, bad_rows: int) -> None:
    text = "y" * 1000
    put(house, bad_rows, "".join(f"{i},{text},,,,\n" for i in range(16_000)) + f"x,{text},,,,\n" * bad_rows)
    tracemalloc.start()
    try:
        house.load()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000
