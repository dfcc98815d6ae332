"""What the tables of rows are made of: collation, indexes, JSON."""

import pytest
from house import HEADER, STATIONS_YML, House

INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = '{}' AND tablename ~ '_v[0-9]+$' ORDER BY 1"


def index_columns(house: House) -> list[str]:
    return sorted(str(definition).partition(" USING ")[2] for (definition,) in house.sql(INDEXES.format(house.schema)))


@pytest.mark.parametrize("bad_rows", [0, 1], ids=["as it is", "through the sieve"])
def test_each_filter_has_an_index_that_the_key_ends(house: House, bad_rows: int) -> None:
    yml = f"{STATIONS_YML}filters: [name, id, open]\nmax_rejects: 1\n"
    house.put(f"{HEADER}1,a,,,,\n" + "x,a,,,,\n" * bad_rows, yml=yml)
    house.load()
    assert index_columns(house) == ["btree (id)", "btree (name, id)", "btree (open, id)"]


def test_what_may_be_asked_about_has_statistics(house: House) -> None:
    house.put(f"{HEADER}1,a,,,,\n2,b,,,,\n", yml=f"{STATIONS_YML}filters: [name]\n")
    house.load()
    found = house.sql(f"SELECT attname FROM pg_stats WHERE schemaname = '{house.schema}' AND tablename = 'stations_v1'")
    assert sorted(found) == [("id",), ("name",)]
    assert house.sql("SELECT reltuples FROM pg_class WHERE oid = 'stations_v1'::regclass") == [(2.0,)]


def test_indexes_of_long_names_do_not_collide(house: House) -> None:
    name, first, second = "d" * 40, "c" * 62 + "a", "c" * 62 + "b"
    yml = (
        f"{STATIONS_YML.partition('  name')[0]}  {first}: {{type: text}}\n  {second}: {{type: text}}\n"
        f"filters: [{first}, {second}]\n"
    )
    for rows in ("1,a,b\n", "2,a,b\n"):
        house.put(f"id,{first},{second}\n{rows}", yml=yml, name=name)
        house.load()
    assert index_columns(house) == sorted(["btree (id)", f"btree ({first}, id)", f"btree ({second}, id)"] * 2)


@pytest.mark.parametrize("bad_rows", [0, 1], ids=["as it is", "through the sieve"])
def test_texts_are_compared_by_code_point(house: House, bad_rows: int) -> None:
    yml = f"{STATIONS_YML}filters: [name]\nmax_rejects: 1\n"
    house.put(f"{HEADER}1,b,,,,\n2,B,,,,\n3,ä,,,,\n4,a,,,,\n5,,,,,\n" + "x,a,,,,\n" * bad_rows, yml=yml)
    house.load()
    assert house.sql("SELECT name FROM stations_v1 ORDER BY name") == [("B",), ("a",), ("b",), ("ä",), (None,)]
    found = house.sql(
        "SELECT collation_name FROM information_schema.columns WHERE column_name = 'name' AND "
        f"table_schema = '{house.schema}' AND table_name = 'stations_v1'"
    )
    assert found == [("C",)]


@pytest.mark.parametrize("bad_rows", [False, True], ids=["as it is", "through the sieve"])
def test_a_json_column_holds_json(house: House, bad_rows: bool) -> None:
    yml = STATIONS_YML.replace("{type: text}", "{type: json}") + "max_rejects: 2\n"
    good = '1,"{""a"": [1, ""ö\\u00e4""]}",,,,\n2,,,,,\n3,7,,,,\n'
    house.put(f"{HEADER}{good}" + '4,{a},,,,\n5,"""\\u0000""",,,,\n' * bad_rows, yml=yml)
    house.load()
    assert house.sql("SELECT name FROM stations_v1 ORDER BY id") == [({"a": [1, "öä"]},), (None,), (7,)]
    rejects = house.sql('SELECT line, "column", value, reason FROM dataset_reject ORDER BY line')
    assert (
        rejects
        == [
            (5, "name", "{a}", "was refused: invalid input syntax for type json"),
            (6, "name", '"\\u0000"', "was refused: unsupported Unicode escape sequence"),
        ]
        * bad_rows
    )
