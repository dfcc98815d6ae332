"""Data files are looked at before anything is deployed."""

import gzip
from pathlib import Path

import pytest
from ansible_collections.rowhouse.platform.plugins.module_utils.datasets import descriptions, file_problems


@pytest.fixture
def datasets_dir(tmp_path: Path) -> Path:
    for name, file in (("b", "b.csv"), ("a", "a.csv.gz")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "dataset.yml").write_text(f"file: {file}\n")
    (tmp_path / "b/b.csv").write_text("id\n1\n")
    (tmp_path / "a/a.csv.gz").write_bytes(gzip.compress(b"id\n1\n"))
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "dataset.yml").write_text("writable: true\n")
    return tmp_path


def test_complete_datasets_have_no_problem(datasets_dir: Path) -> None:
    assert list(file_problems(datasets_dir)) == []
    assert descriptions(datasets_dir) == {
        "a": "file: a.csv.gz\n",
        "b": "file: b.csv\n",
        "c": "writable: true\n",
    }


def test_a_missing_file_and_an_empty_one_are_both_named_with_the_fix(datasets_dir: Path) -> None:
    (datasets_dir / "b/b.csv").unlink()
    (datasets_dir / "a/a.csv.gz").write_bytes(gzip.compress(b""))
    empty, missing = file_problems(datasets_dir)
    assert empty.startswith(f"{datasets_dir}/a/a.csv.gz is empty. Put the data there")
    advice = f"Put the data there, or correct `file` in {datasets_dir}/b/dataset.yml."
    assert missing == f"{datasets_dir}/b/b.csv does not exist. {advice}"
