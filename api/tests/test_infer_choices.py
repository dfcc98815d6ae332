"""Which columns become key, filters and point."""

from pathlib import Path

import pytest
import yaml
from rowhouse.errors import InspectionError
from rowhouse.infer.draft import inspect


def described(folder: Path, content: str, name: str = "a.csv") -> dict[str, object]:
    (folder / name).write_text(content)
    found: dict[str, object] = yaml.safe_load(inspect(folder / name))
    return found


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("v,id\n1,1\n2,2\n", "id"),
        ("v,stationId\n1,b\n2,a\n", "stationId"),
        ("v,Station ID\n1,b\n2,a\n", "station_id"),
        ("v,w\n1,1\n1,2\n", "w"),
        ("v,w\n1,1\n2,2\n", "v"),
        # Neither may be null, a fraction, an empty text, or twice the same number.
        ("id,day\n1,2024-01-01\n,2024-01-02\n", "day"),
        ("id,x\n1.5,a\n2.5,b\n", "x"),
        ('id,x\n"",a\nb,c\n', "x"),
        ("id,x\n-0,a\n0,b\n", "x"),
        (f"id,x\n{'a' * 201},a\n{'b' * 201},b\n", "x"),
    ],
)
def test_the_key_is_the_first_that_may_be_one_and_rather_an_id(tmp_path: Path, content: str, key: str) -> None:
    assert described(tmp_path, content)["key"] == key


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a b.csv", "id;v\n7;1.5\n8;2.5\n7;1.5\n", "Nearest is 'id', but more than one row has '7' (lines 2 and 4)."),
        (
            "a b.csv",
            "id;v\n7;1.5\n8;2.5\n7;1.5\n",
            r"""by:\n  cat 'a b.csv' | awk '{ print (NR == 1 ? "id" : NR - 1)""",
        ),
        ("a.csv", "id,v\n7,1.5\n,2.5\n", "Nearest is 'id', but 1 of the rows have no value in it."),
        ("a.csv", f"id,v\n{'x' * 300},1.5\n", "but its values are too long, or empty, for a URL."),
        ("a.csv", 'v,w\n1.5,"a\nb"\n1.5,"a\nb"\n', "Add a column that numbers the rows."),
        ("a.csv", "v\n1.5\n", "no two share. Add a column"),
        ("a.json", '[{"v": 1.5}]', "jq 'to_entries | map({id: (.key + 1)} + .value)' > new.json"),
        ("a.ndjson", '{"v": 1.5}', "jq -c '{id: input_line_number} + .' > new.ndjson"),
    ],
)
def test_without_a_key_there_is_a_way_out(tmp_path: Path, name: str, content: str, said: str) -> None:
    with pytest.raises(InspectionError) as caught:
        described(tmp_path, content, name)
    assert said.replace(r"\n", "\n") in str(caught.value)


def test_filters_are_what_rows_share(tmp_path: Path) -> None:
    rows = "".join(
        f"{number},kind {number % 3},unique {number},{'long ' * 20}{number % 2},2024-01-{number % 28 + 1:02},"
        f'{number / 8},{number % 2},same,"[1]",48.{number % 9},9.{number % 9}\n'
        for number in range(100)
    )
    header = "id,kind,name,note,day,height,flag,constant,tags,lat,lon\n"
    found = described(tmp_path, header + rows)
    assert found["filters"] == ["kind", "day", "height", "flag"]
    assert found["point"] == {"longitude": "lon", "latitude": "lat"}


def test_filters_are_six_at_most_and_numbers_come_last(tmp_path: Path) -> None:
    rows = "".join(
        f"{number},1.{number},2.{number},{'a,b,c,d,e'.replace('a', f'a{number % 2}')}\n" for number in (1, 2)
    )
    found = described(tmp_path, "id,v,w,a,b,c,d,e\n" + rows.replace("b,c,d,e\n", "b1,c1,d1,e1\n", 1))
    assert found["filters"] == ["v", "a", "b", "c", "d", "e"]


def test_a_table_without_filters(tmp_path: Path) -> None:
    assert "filters" not in described(tmp_path, "id,v\n1,2\n")


@pytest.mark.parametrize(
    ("header", "row", "point"),
    [
        ("latitude,longitude", "48,-180", ("longitude", "latitude")),
        ("Breitengrad,Längengrad", "48.5,9.5", ("Laengengrad", "Breitengrad")),
        ("geo_lat,geo_lng", "-90,9", ("geo_lng", "geo_lat")),
        ("lat,lon", "91,9", None),
        ("lat,lon", "48,181", None),
        ("lat,lon", ",9", None),
        ("lat,other", "48,9", None),
        ("lat,lon,lat_2", "48,9,48", None),
        ("flat,melon", "48,9", None),
        ("lat,lon", "north,9", None),
    ],
)
def test_a_point_has_degrees(tmp_path: Path, header: str, row: str, point: tuple[str, str] | None) -> None:
    found = described(tmp_path, f"id,{header}\na,{row}\nb,{row}\n")
    expected = point and {"longitude": point[0].lower(), "latitude": point[1].lower()}
    shown = found.get("point")
    assert (yaml.safe_dump(shown).lower() if shown else None) == (yaml.safe_dump(expected) if expected else None)
    if point:
        columns = found["columns"]
        assert isinstance(columns, dict)
        assert [columns[name]["type"] for name in columns if name != "id"] == ["number", "number"]
