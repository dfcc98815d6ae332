"""The forms that rows are given in. A format knows columns and rows, and nothing of HTTP's headers or of SQL.

All formats write a value alike: dates and times as ISO 8601, times in UTC with Z, numbers in the shortest form that
keeps them, columns of the type json as the JSON that they are. Such values come in as text.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

import orjson

from rowhouse.dataset import Column, ColumnType, Dataset, Point
from rowhouse.jsontext import dump

type Row = tuple[Any, ...]


class Output(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> int:
        """Take bytes; returns how many."""


@dataclass(frozen=True)
class Selection:
    """What the rows are that a format writes.

    Attributes:
        dataset: Whose rows, or groups of rows.
        columns: What stands in a row, in order. A row may have more behind it, which is not written.
    """

    dataset: Dataset
    columns: tuple[Column, ...]

    @property
    def point(self) -> Point | None:
        """The point of the dataset, if both of its columns were selected."""
        point = self.dataset.point
        names = {column.name for column in self.columns}
        return point if point and {point.longitude.name, point.latitude.name} <= names else None


@dataclass(frozen=True)
class Format(ABC):
    """One format.

    Attributes:
        name: Also the suffix of the routes and of files.
        media_type: Without parameters.
        parameters: Of the media type, as they are sent.
        is_compressed: Whether compressing it once more would gain nothing.
    """

    name: str
    media_type: str
    parameters: str = ""
    is_compressed: bool = False

    @property
    def content_type(self) -> str:
        """The header's value."""
        return self.media_type + self.parameters

    @property
    def is_json(self) -> bool:
        """Whether all of it together is one JSON text."""
        return self.media_type == "application/json" or self.media_type.endswith("+json")

    def obstacle(self, selection: Selection) -> str:  # noqa: ARG002 - most formats take all
        """Say why this selection cannot be written so; empty when it can."""
        return ""

    @abstractmethod
    def write(self, selection: Selection, batches: Iterable[Sequence[Row]], output: Output) -> None:
        """Write the rows as they come, keeping no more of them than it must."""


class ObjectFormat(Format):
    """A format whose rows are JSON objects, which PostgreSQL may have written."""

    @abstractmethod
    def join(self, rows: Sequence[str]) -> bytes:
        """Return rows, each of which is a JSON object already, as the whole of them."""


class JsonFormat(ObjectFormat):
    """An array of objects."""

    def join(self, rows: Sequence[str]) -> bytes:
        """Put them into an array."""
        return f"[{','.join(rows)}]".encode()

    def write(self, selection: Selection, batches: Iterable[Sequence[Row]], output: Output) -> None:
        """Write all at once: there is no export in this format."""
        output.write(dump([item for rows in batches for item in objects(selection.columns, rows)]))


class NdjsonFormat(ObjectFormat):
    """An object a line."""

    def join(self, rows: Sequence[str]) -> bytes:
        """Put each on a line."""
        return "".join([f"{row}\n" for row in rows]).encode()

    def write(self, selection: Selection, batches: Iterable[Sequence[Row]], output: Output) -> None:
        """Write a line a row."""
        for rows in batches:
            output.write(b"".join(dump(item) + b"\n" for item in objects(selection.columns, rows)))


class CsvFormat(Format):
    """RFC 4180 with a header. Null is an empty cell, an empty text is `""`."""

    def write(self, selection: Selection, batches: Iterable[Sequence[Row]], output: Output) -> None:
        """Write a record a row."""
        output.write(csv_header(selection.columns))
        cells = [_CELLS.get(column.type, str) for column in selection.columns]
        for rows in batches:
            lines = [
                ",".join("" if value is None else cell(value) for cell, value in zip(cells, row, strict=False))
                for row in rows
            ]
            output.write("".join(f"{line}\r\n" for line in lines).encode())


class GeoJsonFormat(Format):
    """RFC 7946: a FeatureCollection, whose features have the key as their id."""

    def obstacle(self, selection: Selection) -> str:
        """Say what is missing for a geometry."""
        point = selection.dataset.point
        if not point:
            return f"dataset.yml of {selection.dataset.name} names no point, and so its rows have no place on a map."
        if not selection.point:
            names = f"{point.longitude.name} and {point.latitude.name}"
            return f"It needs {names}, which make the point, among the selected columns."
        return ""

    def write(self, selection: Selection, batches: Iterable[Sequence[Row]], output: Output) -> None:
        """Write a feature a row."""
        output.write(b'{"type":"FeatureCollection","features":[')
        separator = b"\n"
        for rows in batches:
            features = b",\n".join(dump(feature) for feature in _features(selection, rows))
            if features:
                output.write(separator + features)
                separator = b",\n"
        output.write(b"\n]}\n")


def objects(columns: Sequence[Column], rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return rows as what `dump` makes JSON objects of."""
    names = [column.name for column in columns]
    made = [dict(zip(names, row, strict=False)) for row in rows]
    for name in [column.name for column in columns if column.type is ColumnType.JSON]:
        for item in made:
            if item[name] is not None:
                item[name] = orjson.Fragment(item[name])
    return made


def csv_header(columns: Sequence[Column]) -> bytes:
    """Return the first line of a CSV file."""
    return (",".join(_quoted(column.name) for column in columns) + "\r\n").encode()


def _features(selection: Selection, rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    point, key = selection.point, selection.dataset.key.name
    # Without a point the format has an obstacle, and is not asked.
    places = (point.longitude.name, point.latitude.name) if point else ()
    for item in objects(selection.columns, rows):
        coordinates = [item[name] for name in places]
        properties = {name: value for name, value in item.items() if name not in places}
        yield {
            "type": "Feature",
            **({"id": properties[key]} if key in properties else {}),
            "geometry": None if None in coordinates else {"type": "Point", "coordinates": coordinates},
            "properties": properties,
        }


def _quoted(text: str) -> str:
    if text and not any(sign in text for sign in ',"\r\n'):
        return text
    return '"' + text.replace('"', '""') + '"'


def _number(value: float | Decimal) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _timestamp(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


_CELLS: dict[ColumnType, Callable[[Any], str]] = {
    ColumnType.INTEGER: _number,
    ColumnType.NUMBER: _number,
    ColumnType.TEXT: _quoted,
    ColumnType.TIMESTAMP: _timestamp,
    ColumnType.BOOLEAN: _boolean,
    ColumnType.JSON: _quoted,
}

JSON = JsonFormat("json", "application/json")
CSV = CsvFormat("csv", "text/csv", "; charset=utf-8; header=present")
NDJSON = NdjsonFormat("ndjson", "application/x-ndjson")
GEOJSON = GeoJsonFormat("geojson", "application/geo+json")
