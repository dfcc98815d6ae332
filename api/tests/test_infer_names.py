"""Names out of headers and file names."""

import pytest
from rowhouse.infer.names import column_names, split_unit, title_from


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("id", "id"),
        ("PM10", "PM10"),
        ("Straße", "strasse"),
        ("Größe in Köln", "groesse_in_koeln"),
        ("Łódź", "lodz"),
        ("Crème brûlée", "creme_brulee"),
        ("Temp (°C)", "temp"),
        ("share [%]", "share"),
        ("Sales (2024)", "sales_2024"),
        ("2024", "c_2024"),
        ("limit", "limit_value"),
        ("Group-by", "group_by_value"),
        ("a__b", "a_b"),
        (" id ", "id"),
        ("名前", "column_1"),
        ("%", "column_1"),
        ("_x", "x"),
        ("x" * 70, "x" * 63),
        ("a.b/c", "a_b_c"),
    ],
)
def test_a_header_becomes_a_valid_name(header: str, name: str) -> None:
    assert column_names([header]) == [name]


def test_no_two_names_are_alike() -> None:
    headers = ["Name", "name", "NAME", "name_2", "a b", "a-b", "x" * 70, "x" * 71, "a_", "A_", "limit", "limit_value"]
    names = column_names(headers)
    assert names[:6] == ["Name", "name_2", "NAME_3", "name_2_2", "a_b", "a_b_2"]
    assert len({name.lower() for name in names}) == len(headers)
    assert all(len(name) <= 63 and "__" not in name for name in names)


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        ("Temp (°C)", "°C"),
        ("PM10 [µg/m³]", "µg/m³"),
        ("Area (km²) ", "km²"),
        ("Price (EUR)", "EUR"),
        ("Sales (2024)", ""),
        ("Name (optional)", ""),
        ("(m)", ""),
        ("Temp", ""),
        ("x ( )", ""),
    ],
)
def test_a_unit_is_one_that_is_known(header: str, unit: str) -> None:
    assert split_unit(header)[1] == unit


@pytest.mark.parametrize(
    ("file_name", "title"),
    [
        ("air_quality-2020.csv.gz", "Air quality 2020"),
        ("Stations.JSON", "Stations"),
        ("data.v2.ndjson", "Data v2"),
        ("plain", "Plain"),
        (".csv", "Table"),
    ],
)
def test_a_title_comes_from_the_files_name(file_name: str, title: str) -> None:
    assert title_from(file_name) == title
