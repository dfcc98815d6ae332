"""The table that the tests deploy, in editions: each cell of it says of which one it is."""

import csv
import io
import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.machine import ROOT

type Row = dict[str, Any]


@dataclass(frozen=True)
class Edition:
    """One content of the table.

    Attributes:
        number: Stands in every row.
        total: Number of rows, whose keys begin with 1; another one in each edition.
        is_wide: Whether it has the later columns: `height` as a number and no integer, and `district`.
    """

    number: int
    total: int
    is_wide: bool = False

    @property
    def columns(self) -> dict[str, dict[str, str]]:
        """As `dataset.yml` says them."""
        columns = {"id": "integer", "name": "text", "edition": "integer", "height": "integer"}
        if self.is_wide:
            columns |= {"height": "number", "district": "text"}
        return {name: {"type": type_} for name, type_ in columns.items()}

    def row(self, key: int) -> Row:
        """Return a row as JSON has it."""
        row: Row = {"id": key, "name": f"Place {key} of {self.number}", "edition": self.number, "height": key}
        return row | {"height": key + 0.5, "district": f"District {key % 7} of {self.number}"} if self.is_wide else row

    def rows(self, first: int, limit: int) -> list[Row]:
        """Return the rows of a page."""
        return [self.row(key) for key in range(first, min(first + limit, self.total + 1))]

    def text(self, first: int, limit: int) -> str:
        """Return a page as CSV."""
        text = io.StringIO()
        writer = csv.DictWriter(text, self.columns, lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(self.rows(first, limit))
        return text.getvalue()

    @cached_property
    def file(self) -> str:
        """The whole table as CSV."""
        return self.text(1, self.total)

    def write(self, folder: Path) -> None:
        """Make a folder of datasets: this table, and the users, who have a further column when it is wide."""
        shutil.copytree(ROOT / "files/datasets/users", folder / "users")
        if self.is_wide:
            file = folder / "users/dataset.yml"
            users = yaml.safe_load(file.read_text())
            users["columns"]["email"] = {"type": "text"}
            file.write_text(yaml.safe_dump(users, sort_keys=False))
        (folder / "places").mkdir()
        description = {
            "title": "Places",
            "description": "Made up.",
            "source": "Made up",
            "file": "places.csv",
            "key": "id",
            "columns": self.columns,
        }
        (folder / "places/dataset.yml").write_text(yaml.safe_dump(description, sort_keys=False))
        (folder / "places/places.csv").write_text(self.file)


def has_same_text(found: object, expected: object) -> bool:
    """Tell whether two values are the same as JSON, with the order of members."""
    return json.dumps(found) == json.dumps(expected)
