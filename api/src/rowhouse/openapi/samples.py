"""Rows that are really there, as examples; or, where none are known, values that could be."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import orjson

from rowhouse.choice import FORMATS
from rowhouse.dataset import Column, ColumnType, Dataset
from rowhouse.formats import Row, Selection
from rowhouse.jsontext import dump
from rowhouse.query import Operator
from rowhouse.versions import Version

_STAND_INS: Mapping[ColumnType, Any] = {
    ColumnType.INTEGER: 1,
    ColumnType.NUMBER: 12.5,
    ColumnType.TEXT: "text",
    ColumnType.DATE: "2025-12-31",
    ColumnType.TIMESTAMP: "2025-12-31T23:59:59Z",
    ColumnType.BOOLEAN: True,
}
_BEGINNING = 3


@dataclass(frozen=True)
class Sample:
    """The first rows of a version, by the key.

    Attributes:
        version: Which one; None when none is known.
        forms: The rows in each format that is text, by its name; JSON is parsed. Empty when they are too large.
        cursor: Leads to the rows behind them; empty when there are none.
    """

    version: Version | None = None
    forms: Mapping[str, Any] = field(default_factory=dict)
    cursor: str = ""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows, as they stand in JSON."""
        return list(self.forms.get("json", ()))

    def page(self, dataset: Dataset, path: str) -> dict[str, Any]:
        """Return the JSON answer of the path that has these rows."""
        count = len(self.rows)
        following = f"{path}?cursor={self.cursor}&limit={count}" if self.cursor else None
        return {
            "data": self.rows,
            "meta": self._meta(dataset) | {"total": self._total, "total_is": "exact", "count": count, "limit": count},
            "links": {"self": f"{path}?limit={count}", "next": following},
        }

    def aggregate(self, dataset: Dataset, path: str) -> dict[str, Any]:
        """Return the answer to an aggregate that asks for nothing: one row with the number of all rows."""
        totals = {"total": None, "total_is": None, "count": 1, "limit": 1}
        return {
            "data": [{"count": self._total}],
            "meta": self._meta(dataset) | totals,
            "links": {"self": f"{path}?limit=1&select=count", "next": None},
        }

    def single(self, dataset: Dataset) -> dict[str, Any]:
        """Return the answer that is the first row."""
        collection = f"/{dataset.name}"
        row = self.rows[0]
        links = {"self": f"{collection}/{quote(str(row[dataset.key.name]), safe='')}", "collection": collection}
        return {"data": row, "meta": self._meta(dataset), "links": links}

    def key(self, column: Column) -> Any:
        """Return a key that can be a part of a path; one that could be, when none is known."""
        keys = [row[column.name] for row in self.rows]
        return next((key for key in keys if key != ""), stand_in(column))

    def operand(self, column: Column, operator: Operator) -> Any:
        """Return what the column could be compared with."""
        known = [row[column.name] for row in self.rows if row[column.name] is not None]
        values = list(dict.fromkeys(known)) or [stand_in(column)]
        if operator is Operator.ISNULL:
            return False
        if operator is Operator.IN:
            return _record(values) if column.type is ColumnType.TEXT else values
        return values[0][:_BEGINNING] if operator in (Operator.CONTAINS, Operator.STARTSWITH) else values[0]

    @property
    def _total(self) -> int:
        return self.version.rows if self.version else 0

    def _meta(self, dataset: Dataset) -> dict[str, Any]:
        return self.version.describe(dataset) if self.version else {}


def write_forms(dataset: Dataset, rows: Sequence[Row]) -> bytes:
    """Return the rows in each format that is text, by the format's name, as one JSON object."""
    selection = Selection(dataset, dataset.columns)
    forms: dict[str, Any] = {}
    for form in FORMATS:
        if form.is_compressed or form.obstacle(selection):
            continue
        output = io.BytesIO()
        form.write(selection, [rows], output)
        forms[form.name] = orjson.Fragment(output.getvalue()) if form.is_json else output.getvalue().decode()
    return dump(forms)


def stand_in(column: Column) -> Any:
    """Return a value that the column's type and rules allow, as far as that can be told."""
    allowed = (*column.enum, column.minimum, column.maximum)
    return next((value for value in allowed if value is not None), _STAND_INS[column.type])


def _record(values: list[str]) -> str:
    record = io.StringIO()
    csv.writer(record, lineterminator="\n").writerow(values)
    return record.getvalue().removesuffix("\n")
