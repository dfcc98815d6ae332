"""What a file is: text in some encoding, or something that the user has to be told about."""

import gzip
from pathlib import Path

import pytest
from rowhouse.errors import InspectionError, NoFileError
from rowhouse.infer.source import read_source

TEXT = "id;Straße\n1;Müllerweg 5 €\n"


@pytest.mark.parametrize(
    ("content", "encoding", "text"),
    [
        (TEXT.encode(), "utf-8", TEXT),
        (TEXT.encode("utf-8-sig"), "utf-8", TEXT),
        (TEXT.encode("utf-16"), "utf-16", TEXT),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "utf-16", TEXT),
        (TEXT.encode("utf-16-le"), "utf-16-le", TEXT),
        (TEXT.encode("utf-16-be"), "utf-16-be", TEXT),
        (TEXT.encode("cp1252"), "windows-1252", TEXT),
        (b"id\n\x81\xe4\n", "iso-8859-1", "id\n\x81ä\n"),
        (b"id\n1\n", "utf-8", "id\n1\n"),
    ],
    ids=["UTF-8", "mark", "UTF-16", "UTF-16BE", "no mark LE", "no mark BE", "Windows", "Latin 1", "ASCII"],
)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_an_encoding_is_told(tmp_path: Path, content: bytes, encoding: str, text: str, packed: bool) -> None:
    path = tmp_path / ("a.csv.gz" if packed else "a.csv")
    path.write_bytes(gzip.compress(content) if packed else content)
    source = read_source(path)
    assert (source.encoding, source.text, source.complete) == (encoding, text, True)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "is empty. A header and rows are needed."),
        ("a.csv", b" \n\r\n", "is empty."),
        ("a.csv.gz", b"", "is empty."),
        ("a.csv.gz", gzip.compress(b"", mtime=0), "is empty."),
        ("a.csv.gz", gzip.compress(b"id\n1\n", mtime=0)[:-9], "is damaged gzip"),
        ("a.csv.gz", b"id\n1\n", "is not gzip, as its name says. Rename it, or pack it."),
        ("a.csv", gzip.compress(b"id\n1\n", mtime=0), "is packed by gzip. Let its name end in .gz."),
        ("a.csv", b"PK\x03\x04....", "is an Excel workbook or another zip archive. Save the sheet as CSV"),
        ("a.csv", b"PAR1....", "is Parquet."),
        ("a.csv", b"\x7fELF\x02\x01\x01\0\0\0\0", "line 1: is not text, but binary"),
        ("a.csv", b"id\n1\n2\0\n", r"line 3: is not text, but binary (character '\x00')"),
        ("a.csv", "id\nä\nö\n".encode() * 50 + b"\xff\n", "line 151: is not UTF-8, which the rest of the file is."),
    ],
)
def test_what_is_no_text_is_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InspectionError) as caught:
        read_source(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NoFileError, match=r"none\.csv: cannot be read \(No such file or directory\)\. Name a CSV"):
        read_source(tmp_path / "none.csv")
    with pytest.raises(NoFileError, match=r"cannot be read \(Is a directory\)"):
        read_source(tmp_path)


def test_a_large_file_is_seen_at_its_beginning_and_in_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rowhouse.infer.source.HEAD_BYTES", 1000)
    monkeypatch.setattr("rowhouse.infer.source._PLACE_BYTES", 100)
    rows = "".join(f"{number:08}ä\n" for number in range(10_000))
    (tmp_path / "a.csv").write_text(rows)
    source = read_source(tmp_path / "a.csv")
    # The beginning ends wherever it does, even within a character.
    assert (source.text, source.complete) == (rows[: len(source.text)], False)
    places = list(source.places())
    assert len(places) == 20
    assert all(place in rows[900:] and place.startswith("0") and place.endswith("ä\n") for place in places)
    assert len(set("".join(places).split())) == sum(place.count("\n") for place in places)
    assert "00009999ä" in places[-1]
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(rows.encode()))
    assert list(read_source(tmp_path / "a.csv.gz").places()) == []
