"""dataset.yml: what is understood, and what is said of mistakes."""

from dataclasses import fields
from pathlib import Path

import pytest
from house import STATIONS_YML, House
from rowhouse.dataset import Column, ColumnType, Csv, Dataset
from rowhouse.description import read_datasets
from rowhouse.errors import DatasetError


def write(folder: Path, yml: str, name: str = "stations") -> None:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "dataset.yml").write_text(yml)


def read_one(folder: Path, yml: str) -> Dataset:
    write(folder, yml)
    (dataset,) = read_datasets(folder)
    return dataset


def problems(folder: Path) -> list[str]:
    with pytest.raises(DatasetError) as caught:
        read_datasets(folder)
    return [problem.replace(f"{folder}/", "") for problem in caught.value.problems]


def test_a_dataset(tmp_path: Path) -> None:
    dataset = read_one(tmp_path, STATIONS_YML)
    assert (dataset.name, dataset.file, dataset.key.name) == ("stations", "stations.csv", "id")
    assert [column.name for column in dataset.columns] == ["id", "name", "height", "opened", "seen", "open"]
    assert dataset.columns[2] == Column(name="height", type=ColumnType.NUMBER, unit="m")
    assert dataset.key.required


def test_every_key_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text()
    declared = [field.name for kind in (Dataset, Column, Csv) for field in fields(kind) if field.name != "name"]
    keys = ["from" if name == "header" else name for name in declared]
    assert [key for key in keys if f"\n| `{key}` |" not in text] == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("title: Stations\n", "", "the file: title is missing."),
        ("title:", "titel:", "titel: no such key. Did you mean title?"),
        ("title: Stations", "title: [a]", "title: must be a text, not ['a']."),
        ("title: Stations", "title: ''", "title: must be a text, not ''."),
        ("key: id", "key: idd", "key: there is no column 'idd'. Did you mean id?"),
        ("key: id", "key: height", "key: column 'height' has type number; a key is one of integer, text, date."),
        ("file: stations.csv", "file: ../x.csv", "file: '../x.csv' must be a plain file name"),
        ("type: boolean", "type: bool", "columns.open.type: 'bool' is none of integer, number"),
        ("type: number", "typ: number", "columns.height.typ: no such key. Did you mean type?"),
        ("unit: m", "unit: 3", "columns.height.unit: must be a text, not 3."),
        ("{type: text}", "{type: text, required: maybe}", "columns.name.required: must be true or false"),
        ("id: {type: integer}", "id: {type: integer, required: false}", "columns.id.required: must be true or false"),
        ("  name:", "  na me:", "columns.na me: a column's name is at most 63 letters"),
        ("  name:", "  no:", "columns.False: a column's name is at most 63 letters"),
        (
            "  name:",
            "  na__me:",
            "columns.na__me: the name holds `__`, which stands before an operator. Choose another and",
        ),
        ("  name:", "  limit:", "columns.limit: the name is a parameter of the API itself. Choose another and"),
        (
            "{type: text}",
            "{type: text, from: 3}",
            "columns.name.from: must be the column's name in the file, as a text",
        ),
        ("{type: text}", "{type: text, from: ''}", "columns.name.from: must be the column's name in the file"),
        ("{type: text}", "{type: text, from: id}", "columns.name.from: 'id' is in the file for another column already"),
        ("unit: m", "minimum: low", "columns.height.minimum: 'low' is not of the column's type number."),
        ("unit: m", "maximum: .inf", "columns.height.maximum: inf is not of the column's type number."),
        ("unit: m", "minimum: true", "columns.height.minimum: True is not of the column's type number."),
        ("unit: m", "minimum: 2, maximum: 1", "columns.height: minimum 2.0 is greater than maximum 1.0."),
        ("unit: m", "pattern: x", "columns.height.pattern: is a rule for text, not for number."),
        ("unit: m", "enum: 3", "columns.height.enum: must be a list of the values that are taken."),
        ("unit: m", "enum: []", "columns.height.enum: must be a list of the values that are taken."),
        ("unit: m", "unique: 1", "columns.height.unique: must be true or false, not 1."),
        (
            "id: {type: integer",
            "id: {type: integer, maximum: 9223372036854775808",
            "columns.id.maximum: 92233720368547758",
        ),
        ("type: date", "type: date, minimum: 2025-02-30", "is not valid YAML: day is out of range for month"),
        (
            "type: date",
            "type: date, minimum: 2025-01-01 10:00:00",
            "columns.opened.minimum: datetime.datetime(2025, 1,",
        ),
        ("{type: text}", "{type: text, minimum: a}", "columns.name.minimum: is a rule for integer, number, date,"),
        (
            "{type: text}",
            "{type: text, enum: [no]}",
            "columns.name.enum: False is not of the column's type text: put it",
        ),
        (
            "{type: text}",
            "{type: text, pattern: '(a'}",
            "columns.name.pattern: '(a' is no regular expression: missing )",
        ),
        (
            "{type: text}",
            "{type: text, pattern: 'a\\b'}",
            "columns.name.pattern: '\\\\b' in 'a\\\\b' is not the same in",
        ),
        ("{type: text}", "{type: text, pattern: '(?i)a'}", "columns.name.pattern: '(?' in '(?i)a' is not the same in"),
        ("{type: text}", "{type: text, pattern: 'a++'}", "columns.name.pattern: '++' in 'a++' is not the same in"),
        ("key: id", "key: id\nfilters: name", "filters: must be a list of columns"),
        ("key: id", "key: id\nfilters: [nam]", "filters: there is no column 'nam'. Did you mean name?"),
        ("key: id", "key: id\nfilters: [name, name]", "filters: 'name' is there twice."),
        (
            "type: boolean}",
            "type: json}\nfilters: [open]",
            "filters: column 'open' has type json, which cannot be compared.",
        ),
        ("key: id", "key: id\npoint: {longitude: height}", "point: latitude is missing."),
        (
            "key: id",
            "key: id\npoint: {longitude: height, latitude: name}",
            "point: column 'name' has type text, not number.",
        ),
        ("name: {type: text}", "name: text", "columns.name: must be a mapping with type."),
        ("name: {type: text}", "id: {type: text}", "is not valid YAML: 'id' is there twice"),
        ("columns:", "columns: [", "is not valid YAML"),
        ("key: id", "key: id\nmax_rejects: -1", "max_rejects: must be a whole number from 0 on, not -1."),
        ("key: id", "key: id\nmax_rejects: 1.5", "max_rejects: must be a whole number from 0 on, not 1.5."),
        ("key: id", "key: id\nmax_rejects: true", "max_rejects: must be a whole number from 0 on, not True."),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in STATIONS_YML
    write(tmp_path, STATIONS_YML.replace(old, new, 1))
    assert any(f"stations/dataset.yml: {said}" in problem for problem in problems(tmp_path)), problems(tmp_path)


@pytest.mark.parametrize("yml", ["", "- a", "columns: {}", "columns: 3", "text"])
def test_what_is_no_dataset_at_all(tmp_path: Path, yml: str) -> None:
    write(tmp_path, yml)
    assert problems(tmp_path)


@pytest.mark.parametrize(
    ("name", "said"), [("Stations", "becomes the route"), ("health", "is a route of the API itself")]
)
def test_a_name_that_cannot_be_a_route(tmp_path: Path, name: str, said: str) -> None:
    write(tmp_path, STATIONS_YML, name)
    assert len(problems(tmp_path)) == 1
    assert said in problems(tmp_path)[0]


def test_the_problems_of_all_files_come_together(tmp_path: Path) -> None:
    write(tmp_path, STATIONS_YML.replace("title", "titel"), "one")
    (tmp_path / "two").mkdir()
    found = problems(tmp_path)
    assert found[:2] == [
        "one/dataset.yml: titel: no such key. Did you mean title?",
        "one/dataset.yml: the file: title is missing.",
    ]
    assert found[2] == "two/dataset.yml: cannot be read (No such file or directory)."


def test_no_dataset(tmp_path: Path) -> None:
    assert "holds no dataset. Put NAME/dataset.yml there" in problems(tmp_path)[0]
    with pytest.raises(DatasetError, match="Name the folder that holds"):
        read_datasets(tmp_path / "nowhere")


def test_what_a_mounted_configmap_adds_is_not_a_dataset(tmp_path: Path) -> None:
    write(tmp_path, STATIONS_YML, "..2026_01_01")
    (tmp_path / "..data").symlink_to(tmp_path / "..2026_01_01")
    (tmp_path / "stations").symlink_to(tmp_path / "..data")
    assert [dataset.name for dataset in read_datasets(tmp_path)] == ["stations"]


def test_the_schema_hash_follows_the_shape_alone(tmp_path: Path) -> None:
    original = read_one(tmp_path, STATIONS_YML).schema_hash
    for old, new in [
        ("Stations", "Other"),
        ("unit: m", "unit: km"),
        ("stations.csv", "other.csv"),
        ("key: id", "key: id\nmax_rejects: 9"),
    ]:
        assert read_one(tmp_path, STATIONS_YML.replace(old, new)).schema_hash == original
    changes = [
        ("{type: text}", "{type: text, required: true}"),
        ("{type: text}", "{type: text, unique: true}"),
        ("{type: text}", "{type: text, pattern: a}"),
        ("unit: m", "minimum: 3"),
        ("type: date", "type: date, maximum: 2025-01-01"),
        ("number", "integer"),
        ("opened", "closed"),
        ("key: id", "key: name"),
    ]
    for old, new in changes:
        assert read_one(tmp_path, STATIONS_YML.replace(old, new)).schema_hash != original


def test_a_column_may_have_any_name_that_sql_reserves(house: House) -> None:
    house.put(
        "id,from,Order\n1,a,b\n",
        yml=STATIONS_YML.partition("  name")[0] + "  from: {type: text}\n  Order: {type: text}\n",
    )
    house.load()
    assert house.sql('SELECT "from", "Order" FROM stations_v1') == [("a", "b")]


@pytest.mark.parametrize(
    ("csv", "said"),
    [
        ("3", "csv: must be a mapping with delimiter, quote, encoding, decimal, missing_values."),
        ("{delimeter: x}", "csv.delimeter: no such key. Did you mean delimiter?"),
        ("{delimiter: ab}", "csv.delimiter: must be one character, not 'ab'."),
        ("{quote: 3}", "csv.quote: must be one character, not 3."),
        ("{delimiter: '\"'}", "csv: delimiter and quote are both '\"'."),
        ("{decimal: x}", "csv.decimal: must be '.' or ',', not 'x'."),
        ("{encoding: latin-99}", "csv.encoding: 'latin-99' is no encoding of texts, such as"),
        ("{encoding: rot13}", "csv.encoding: 'rot13' is no encoding of texts, such as"),
        ("{missing_values: NA}", "csv.missing_values: must be a list of texts"),
        ("{missing_values: [-999]}", "csv.missing_values: must be a list of texts"),
    ],
)
def test_a_mistake_in_the_dialect_is_named(tmp_path: Path, csv: str, said: str) -> None:
    write(tmp_path, f"{STATIONS_YML}csv: {csv}\n")
    assert any(f"stations/dataset.yml: {said}" in problem for problem in problems(tmp_path)), problems(tmp_path)


def test_a_dialect_is_for_csv(tmp_path: Path) -> None:
    write(tmp_path, STATIONS_YML.replace("stations.csv", "stations.json.gz") + "csv: {decimal: ','}\n")
    assert problems(tmp_path) == ["stations/dataset.yml: csv: stations.json.gz is json, not CSV. Take csv out."]


WRITABLE_YML = STATIONS_YML.replace("file: stations.csv", "writable: true")


def test_a_writable_dataset(tmp_path: Path) -> None:
    dataset = read_one(tmp_path, WRITABLE_YML)
    assert (dataset.writable, dataset.file) == (True, "")
    assert not read_one(tmp_path, STATIONS_YML).writable
    assert dataset.schema_hash != read_one(tmp_path, STATIONS_YML).schema_hash


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("writable: true", "writable: false", "the file: file is missing, and it is not writable."),
        ("writable: true", "writable: 1", "writable: must be true or false, not 1."),
        ("key: id", "key: id\nfile: x.csv", "file: a writable dataset has no file, it starts empty. Take file out"),
        ("key: id", "key: id\ncsv: {delimiter: ';'}", "csv: a writable dataset has no file"),
        ("key: id", "key: id\nmax_rejects: 1", "max_rejects: a writable dataset has no file"),
        (
            "{type: text}",
            "{type: text, from: Name}",
            "columns.name.from: a writable dataset has no file.",
        ),
    ],
)
def test_what_a_writable_dataset_cannot_have(tmp_path: Path, old: str, new: str, said: str) -> None:
    write(tmp_path, WRITABLE_YML.replace(old, new))
    assert any(said in problem for problem in problems(tmp_path))
