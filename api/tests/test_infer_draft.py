"""The dataset.yml that is written."""

import gzip
from pathlib import Path

import pytest
import yaml
from rowhouse.errors import DatasetError
from rowhouse.infer.draft import inspect

GERMAN = """\
Nr.;Straße;Größe (km²);PLZ;Wert;Datum;limit;gesehen;leer;Zahl;
1;Müllerweg;1,5;01234;NA;01.02.2024;5;2024-01-01 10:00;;1.234;
2;Weg;2,25;99999;7;02.02.2024;6;2024-01-02;;10.000;
"""
WRITTEN = """\
# Written by `rowhouse inspect` from all 2 rows of 'Kölner Straßen.csv'. Read it through, and correct it:
# types, `required` and the key are what these rows allow. docs/datasets.md says what else there is.
title: Kölner Straßen
# description: What the rows are.
# source: Where they come from, and under which terms.
file: Kölner Straßen.csv
# What is in missing_values stands for nothing in every column, also in those of text.
csv: {delimiter: ;, encoding: windows-1252, decimal: ',', missing_values: ['', NA]}
# The key: each of the 2 rows has a value of its own here. Will it always?
key: nr
# Clients may filter, sort and group by these; each costs an index.
filters: [strasse, groesse, PLZ, Datum, gesehen, Zahl]
columns:
  nr:
    from: Nr.
    type: integer
  strasse:
    from: Straße
    type: text
    required: true
  groesse:
    from: Größe (km²)
    type: number
    unit: km²
    required: true
  # Text, as a number would lose its leading zero, as of '01234'.
  PLZ:
    type: text
    required: true
  Wert:
    type: integer
  # Text, as day and month cannot be told apart for sure; write 2024-12-31 to have a date.
  Datum:
    type: text
    required: true
  # Renamed, as 'limit' is a parameter of the API itself.
  limit_value:
    from: limit
    type: integer
    required: true
  # Without a zone: taken as UTC.
  gesehen:
    type: timestamp
    required: true
  # No row seen has a value here, so that the type is a guess.
  leer:
    type: text
  # Text, as a separator of thousands, or another decimal sign, is no part of a number.
  Zahl:
    type: text
    required: true
"""


def columns(text: str) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = yaml.safe_load(text)["columns"]
    return found


def test_a_spreadsheets_file_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "Kölner Straßen.csv"
    path.write_text(GERMAN, encoding="windows-1252")
    assert inspect(path) == WRITTEN


@pytest.mark.parametrize("header", ["on", "no", "null", "y", "1e3", "~", "- a", "a: b", "#", "{x}", "'q'", " id ", "é"])
def test_yaml_keeps_every_header(tmp_path: Path, header: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"key,{header}\n1,a\n2,b\n")
    (name, column), *others = list(columns(inspect(path)).items())[1:]
    assert not others
    assert column.get("from", name) == header


def test_json_and_its_nested_values(tmp_path: Path) -> None:
    path = tmp_path / "a.json.gz"
    rows = '[{"id": "x", "n": 1, "f": 1, "at": {"a": [1]}, "zip": "01234", "day": "2024-01-01", "ok": true, "mix": 1},'
    rows += '{"id": "y", "n": null, "f": 0.5, "at": null, "zip": "1", "day": "2024-01-02", "ok": false, "mix": "a"}]'
    path.write_bytes(gzip.compress(rows.encode()))
    text = inspect(path)
    assert "csv" not in yaml.safe_load(text)
    assert {name: (column["type"], "required" in column) for name, column in columns(text).items()} == {
        "id": ("text", False),
        "n": ("integer", False),
        "f": ("number", True),
        "at": ("json", False),
        "zip": ("text", True),
        "day": ("date", True),
        "ok": ("boolean", True),
        "mix": ("text", True),
    }


def test_what_is_almost_of_a_type_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,v\n" + "".join(f"{number},{number}.5\n" for number in range(1, 40)) + "40,tbd\n")
    assert "# Text because of 'tbd' in line 41; all else is number.\n  v:\n    type: text\n" in inspect(path)


def test_rows_that_a_load_rejects_are_told_of(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,v\n1,2\n3\n4\n5\n6\n")
    said = inspect(path)
    assert "# Line 3 has 1 field where the header has 2: a load rejects it. Mend it, or allow for it" in said
    assert "# 1 more row like that was seen." in said


def test_a_sample_says_that_it_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rowhouse.infer.source.HEAD_BYTES", 100)
    path = tmp_path / "a.csv"
    path.write_text("id\n" + "".join(f"{number}\n" for number in range(1000)))
    said = inspect(path)
    assert "from a sample of " in said
    assert "rows seen has a value of its own" in said
    assert "while a load checks every row" in said


@pytest.mark.parametrize("name", ["My-Table", "a/b", "health", "../x"])
def test_a_name_that_is_none_for_a_dataset(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id\n1\n")
    with pytest.raises(DatasetError) as caught:
        inspect(path, name)
    assert repr(name) in str(caught.value)
    assert "/tmp" not in str(caught.value)
