"""What is seen of CSV."""

from pathlib import Path

import pytest
from rowhouse.errors import InspectionError
from rowhouse.infer.csvtable import read_csv
from rowhouse.infer.dialects import Dialect
from rowhouse.infer.source import read_source
from rowhouse.infer.tables import Table


def table(folder: Path, content: str | bytes) -> Table:
    path = folder / "a.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_csv(read_source(path))


def test_nothing_is_null_and_quoted_nothing_is_an_empty_text(tmp_path: Path) -> None:
    found = table(tmp_path, 'id;note\n1;\n2;""\n3;"a;""b"""\n')
    note = found.columns[1]
    assert (note.header, note.missing, dict(note.counts)) == ("note", 1, {"": 1, 'a;"b"': 1})
    assert (found.rows, found.complete, found.dialect, found.notes) == (3, True, Dialect(";"), ())


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    found = table(tmp_path, 'id,note\r\n1,"two\r\nlines"\r\n2,b\r\n1,b\r\n1,c\r\n')
    assert found.columns[0].lines == {"1": (2, 5), "2": (4,)}


def test_rows_of_another_length_are_told_of_and_left_out(tmp_path: Path) -> None:
    found = table(tmp_path, "a,b\n1,2\n1\n1,2,3\n\n")
    assert found.rows == 1
    assert found.notes == (
        "Line 3 has 1 field where the header has 2",
        "Line 4 has 3 fields where the header has 2",
        "Line 5 has 1 field where the header has 2",
    )


def test_empty_columns_behind_the_last_are_passed_over(tmp_path: Path) -> None:
    found = table(tmp_path, "a;b;;\n1;2;;\n3;4;;x\n")
    assert [column.header for column in found.columns] == ["a", "b"]
    assert (found.rows, found.notes) == (1, ("Line 3 holds a value behind the last column",))


def test_without_quotes_a_quote_is_a_character(tmp_path: Path) -> None:
    assert table(tmp_path, 'id\tsize\n1\t5" wide\n2\t\n').columns[1].counts == {'5" wide': 1}


def test_an_empty_line_is_a_null_in_a_file_of_one_column(tmp_path: Path) -> None:
    assert table(tmp_path, "a\n1\n\n2\n").columns[0].missing == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b\n", "has a header and no rows."),
        ("a,b", "has a header and no rows."),
        ("a;b;\n1;2;3\n4;5;6\n", "no row is as long as the header: Line 2 holds a value behind the last column."),
        ("a;;b\n1;2;3\n", "line 1: column 2 of 3 has no name, and a load finds columns by name. Name it."),
        ('a,b\n1,"x"\n2,5" wide\n', 'line 3: the row that begins here is not CSV (it holds an odd number of ")'),
        ("a, ,b\n1,2,3\n", "line 1: column 2 of 3 has no name"),
        (
            "a,b,a\n1,2,3\n",
            "line 1: the columns 1, 3 are all named 'a', and a load finds columns by name. Rename them.",
        ),
        ('a,"b\nc"\n1,2\n', "line 1: the name of column 2 goes over two lines."),
        ("1,2024-01-01\n2,2024-01-02\n", "line 1: looks like a row, not a header (1, 2024-01-01)."),
        ('a,b\n1,x\n2,"y\n3,z\n', "line 3: the row that begins here is not CSV"),
        ("a,b\n1,x\ry\n", "line 2: the row that begins here is not CSV (holds a carriage return outside quotes)"),
        ("a,b\r1,2\r", "line 1: ends with a carriage return alone"),
    ],
)
def test_a_table_that_no_load_can_take(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(InspectionError) as caught:
        table(tmp_path, content)
    assert str(caught.value).startswith(f"{tmp_path}/a.csv: ")
    assert said in str(caught.value)


def test_places_of_a_large_file_count_as_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rowhouse.infer.source.HEAD_BYTES", 1000)
    monkeypatch.setattr("rowhouse.infer.source._PLACE_BYTES", 200)
    found = table(tmp_path, "id,v\n" + "".join(f"{number},{number % 7}\n" for number in range(9_000)) + "x,1\n" * 50)
    ids = found.columns[0].counts
    assert not found.complete
    assert found.rows == ids.total()
    assert {"0", "1", "x"} < ids.keys()
    assert 300 < found.rows < 1000


def test_a_place_within_quotes_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rowhouse.infer.source.HEAD_BYTES", 1000)
    monkeypatch.setattr("rowhouse.infer.source._PLACE_BYTES", 200)
    text = '"' + "one line\n" * 2000 + '"'
    found = table(tmp_path, "id,v\n" + "".join(f"{number},a\n" for number in range(150)) + f"999,{text}\n")
    assert found.columns[1].counts.keys() == {"a"}


def test_no_more_rows_are_kept_than_types_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rowhouse.infer.csvtable.MOST_ROWS", 10)
    found = table(tmp_path, "id\n" + "1\n" * 11)
    assert (found.rows, found.complete) == (10, False)
    assert table(tmp_path, "id\n" + "1\n" * 10).complete
