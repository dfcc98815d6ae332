"""The data file: missing, empty, damaged, or with a header of its own mind."""

from contextlib import nullcontext

import pytest
from house import HEADER, STATIONS_YML, House
from rowhouse.datafile import DataFile
from rowhouse.errors import LoadError
from rowhouse.opening import NotPlainError

GZIPPED_YML = STATIONS_YML.replace("stations.csv", "stations.csv.gz")


def datafile(house: House) -> DataFile:
    return DataFile(house.datasets[0], house.folder / "stations")


def test_a_missing_file(house: House) -> None:
    house.put("")
    (house.folder / "stations" / "stations.csv").unlink()
    with pytest.raises(
        LoadError, match=r"stations/stations\.csv: cannot be read \(No such file.*correct `file` in its"
    ):
        datafile(house).digest()


def test_an_empty_file(house: House) -> None:
    house.put("")
    with pytest.raises(LoadError, match=r"stations\.csv: is empty\. Put the rows of dataset stations there"):
        datafile(house).digest()


def test_the_header_may_have_its_own_order(house: House) -> None:
    house.put("open,seen,opened,height,name,id\ntrue,,,,a,1\n")
    assert datafile(house).columns() == ("open", "seen", "opened", "height", "name", "id")
    house.load()
    assert house.sql("SELECT id, name, open FROM stations_v1") == [(1, "a", True)]


def test_a_column_may_have_another_name_in_the_file(house: House) -> None:
    length = "length_km: {type: number, from: 'Straße, \"lang\" (km)'}"
    yml = STATIONS_YML.partition("  name")[0] + f"  {length}\n  limit_kmh: {{type: number, from: limit}}\n"
    house.put('limit,"Straße, ""lang"" (km)",id\n50,1.5,1\n', yml=yml)
    house.load()
    assert house.sql("SELECT id, length_km, limit_kmh FROM stations_v1") == [(1, 1.5, 50)]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("id,name,height,opened,seen", "line 1: the header lacks column 'open' of dataset.yml."),
        (HEADER.strip() + ",extra", "line 1: column 'extra' is not in dataset.yml."),
        ("id,name,hieght,opened,seen,open", "column 'hieght' is not in dataset.yml. Did you mean height?"),
        ("id,name,name,height,opened,seen,open", "column 'name' is there 2 times."),
        ("id;name;height;opened;seen;open", "lacks column 'id'"),
        ("", "lacks column 'id'"),
    ],
)
def test_a_wrong_header(house: House, header: str, said: str) -> None:
    house.put(header + "\n1,,,,,\n")
    with pytest.raises(LoadError) as caught:
        datafile(house).columns()
    assert said in str(caught.value)


def test_a_header_that_is_not_utf8(house: House) -> None:
    house.put(b"id,n\xf6me\n")
    with pytest.raises(LoadError, match="line 1: the header is not CSV in UTF-8"):
        datafile(house).columns()


@pytest.mark.parametrize("yml", [STATIONS_YML, GZIPPED_YML], ids=["plain", "gzip"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "byte order mark"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_what_programs_write(house: House, yml: str, mark: bytes, newline: str) -> None:
    house.put(mark + (HEADER + "1,a,,,,true\n").replace("\n", newline).encode(), yml=yml)
    house.load()
    assert house.sql("SELECT id, name, open FROM stations_v1") == [(1, "a", True)]


@pytest.mark.parametrize("damage", ["cut", "overwritten", "not gzip at all"])
def test_a_damaged_gzip_changes_nothing(house: House, damage: str) -> None:
    rows = HEADER + "".join(f"{i},name {i * 7919 % 1000},,,,\n" for i in range(50_000))
    house.put(rows, yml=GZIPPED_YML)
    path = house.folder / "stations" / "stations.csv.gz"
    whole = path.read_bytes()
    path.write_bytes(
        {"cut": whole[:-20], "overwritten": whole[:-9000] + b"x" * 9 + whole[-8991:], "not gzip at all": rows.encode()}[
            damage
        ]
    )
    with pytest.raises(LoadError, match=r"stations\.csv\.gz: is damaged gzip"):
        house.load()
    assert house.tables() == []


@pytest.mark.parametrize(("row", "plain"), [('1,"a ""quote""\n",,,,', True), ('1,5" wide,,,,', False)])
def test_a_quote_that_is_not_closed_is_seen_before_postgresql_has_the_rest(
    house: House, monkeypatch: pytest.MonkeyPatch, row: str, plain: bool
) -> None:
    monkeypatch.setattr("rowhouse.opening.LONGEST_ROW_BYTES", 1 << 14)
    monkeypatch.setattr("rowhouse.opening.CHUNK_BYTES", 1 << 10)
    house.put(f"{HEADER}{row}\n" + '2,"Station",,,,\n' * 5000)
    read = 0
    with nullcontext() if plain else pytest.raises(NotPlainError):
        for chunk in datafile(house).chunks():
            read += len(chunk)
    assert (read > 5000 * 10) == plain
