"""JSON Schemas (2020-12) of values: those that come in as parameters, and those that rows hold."""

from collections.abc import Iterable
from typing import Any

from rowhouse.dataset import Column, ColumnType, Dataset
from rowhouse.formats import Selection
from rowhouse.grouping import Group, Measure, functions_of, parts_of
from rowhouse.query import MAXIMUM_LIMIT, Count
from rowhouse.rules import INDEXED_BYTES, is_indexed, whole
from rowhouse.values import DATE, INTEGER_RANGE, TIMESTAMP, format_value

type Schema = dict[str, Any]

# PostgreSQL's classes such as [[:alpha:]] mean something else to the dialect of JSON Schema.
_POSIX_CLASSES = ("[:", "[=", "[.")


def any_text() -> Schema:
    """Return the schema of a text that PostgreSQL can hold."""
    return {"type": "string", "pattern": "^[^\\u0000]*$"}


def integer(least: int, greatest: int) -> Schema:
    """Return the schema of a whole number."""
    return {"type": "integer", "minimum": least, "maximum": greatest}


def input_schema(kind: ColumnType) -> Schema:
    """Return the schema of what a column of the type is compared with."""
    match kind:
        case ColumnType.INTEGER:
            return integer(*INTEGER_RANGE) | {"format": "int64"}
        case ColumnType.NUMBER:
            return {"type": "number", "format": "double"}
        case ColumnType.DATE:
            return {"type": "string", "format": "date", "pattern": _anchored(DATE.pattern)}
        case ColumnType.TIMESTAMP:
            forms = [{"format": "date-time"}, {"format": "date"}]
            return {"type": "string", "anyOf": forms, "pattern": _anchored(TIMESTAMP.pattern)}
        case ColumnType.BOOLEAN:
            return {"type": "boolean"}
        case ColumnType.TEXT | ColumnType.JSON:
            return any_text()


def body_schema(dataset: Dataset, column: Column) -> Schema:
    """Return the schema of a column's values as they are written; `null` is among them when it is not required."""
    if column.type is ColumnType.JSON:
        return output_schema(column)
    schema, rules = input_schema(column.type), _rules(column)
    if "pattern" in schema and "pattern" in rules:
        # Both have to hold.
        schema["allOf"] = [{"pattern": rules.pop("pattern")}]
    schema |= rules
    if column.type is ColumnType.TEXT and is_indexed(dataset, column):
        # Of letters that take one byte each; of others there may be less.
        schema["maxLength"] = INDEXED_BYTES
    if column == dataset.key and column.type is ColumnType.TEXT:
        schema["minLength"] = 1
    if not column.required:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    if text := describe(column):
        schema["description"] = text
    return schema


def output_schema(column: Column) -> Schema:
    """Return the schema of a column's values in JSON, with its rules; `null` is among them when it is not required."""
    if column.type is ColumnType.JSON:
        # Any value at all, null too.
        return {"description": text} if (text := describe(column)) else {}
    schema: Schema = {
        ColumnType.INTEGER: {"type": "integer"},
        ColumnType.NUMBER: {"type": "number"},
        ColumnType.TEXT: {"type": "string"},
        ColumnType.DATE: {"type": "string", "format": "date"},
        ColumnType.TIMESTAMP: {"type": "string", "format": "date-time"},
        ColumnType.BOOLEAN: {"type": "boolean"},
    }[column.type] | _rules(column)
    if not column.required:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    if column.unit:
        schema["x-unit"] = column.unit
    if text := describe(column):
        schema["description"] = text
    return schema


def describe(column: Column) -> str:
    """Return what a column holds, for people: description, unit, and the rules that JSON Schema has no words for."""
    parts = [column.description.rstrip(".")]
    if column.unit:
        parts.append(f"in {column.unit}")
    if column.type in (ColumnType.DATE, ColumnType.TIMESTAMP):
        parts += [f"from {format_value(column.minimum)} on"] if column.minimum is not None else []
        parts += [f"to {format_value(column.maximum)}"] if column.maximum is not None else []
    if column.unique:
        parts.append("no two rows have the same")
    if column.pattern and not _is_common(column.pattern):
        parts.append(f"matches {column.pattern} of PostgreSQL")
    return ", ".join(part for part in parts if part)


def row_schema(columns: Iterable[Column], *, is_whole: bool) -> Schema:
    """Return the schema of a row; `is_whole` when no column can be left out."""
    columns = tuple(columns)
    schema: Schema = {
        "type": "object",
        "properties": {column.name: output_schema(column) for column in columns},
        "additionalProperties": False,
    }
    return schema | ({"required": [column.name for column in columns]} if is_whole else {})


def groups_of(dataset: Dataset) -> list[Group]:
    """Return all that rows can be grouped by."""
    return [Group(column, part) for column in dataset.groups for part in (None, *parts_of(column))]


def measures_of(dataset: Dataset) -> list[Measure]:
    """Return all that can be told of a group, but for the number of its rows."""
    columns = (dataset.key, *dataset.filters)
    return [Measure(function, column) for column in columns for function in functions_of(column)]


def page_schema(dataset: Dataset, row: Schema) -> Schema:
    """Return the schema of a page of such rows."""
    meta = _meta(dataset) | {
        "total": {"type": ["integer", "null"], "description": "Rows on all pages; null when nobody asked to count"},
        "total_is": {"enum": [*Count, None], "description": "How the total was found"},
        "count": integer(0, MAXIMUM_LIMIT) | {"description": "Rows on this page"},
        "limit": integer(1, MAXIMUM_LIMIT),
    }
    following: Schema = {"type": ["string", "null"], "format": "uri-reference", "description": "null on the last page"}
    links = {"self": {"type": "string", "format": "uri-reference"}, "next": following}
    return closed({"data": {"type": "array", "items": row}, "meta": closed(meta), "links": closed(links)})


def single_schema(dataset: Dataset, row: Schema) -> Schema:
    """Return the schema of the answer that is one row."""
    links = {name: {"type": "string", "format": "uri-reference"} for name in ("self", "collection")}
    return closed({"data": row, "meta": closed(_meta(dataset)), "links": closed(links)})


def features_schema(selection: Selection) -> Schema:
    """Return the schema of a GeoJSON FeatureCollection (RFC 7946) of rows with a point."""
    point = selection.point
    places = (point.longitude, point.latitude) if point else ()
    others = [column for column in selection.columns if column not in places]
    position: Schema = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
    geometry = closed({"type": {"const": "Point"}, "coordinates": position})
    feature: Schema = {
        "type": "object",
        "properties": {
            "type": {"const": "Feature"},
            "id": output_schema(selection.dataset.key),
            "geometry": {"oneOf": [geometry, {"type": "null"}]},
            "properties": row_schema(others, is_whole=False),
        },
        "required": ["type", "geometry", "properties"],
        "additionalProperties": False,
    }
    return closed({"type": {"const": "FeatureCollection"}, "features": {"type": "array", "items": feature}})


def _meta(dataset: Dataset) -> dict[str, Schema]:
    return version_schema({"const": dataset.name})


def version_schema(name: Schema) -> dict[str, Schema]:
    """Return the members that tell of a version; `name` is the schema of the dataset's name."""
    return {
        "dataset": name,
        "version": {"type": "integer", "minimum": 0, "description": "Grows with each load"},
        "loaded_at": {"type": "string", "format": "date-time"},
    }


def closed(properties: dict[str, Schema]) -> Schema:
    """Return the schema of an object that has these members, all of them, and no others."""
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def _rules(column: Column) -> Schema:
    rules: Schema = {}
    if column.type in (ColumnType.INTEGER, ColumnType.NUMBER):
        rules |= {"minimum": column.minimum} if column.minimum is not None else {}
        rules |= {"maximum": column.maximum} if column.maximum is not None else {}
    if column.enum:
        rules["enum"] = [*column.enum]
    if column.pattern and _is_common(column.pattern):
        rules["pattern"] = whole(column.pattern)
    return rules


def _is_common(pattern: str) -> bool:
    return not any(sign in pattern for sign in _POSIX_CLASSES)


def _anchored(pattern: str) -> str:
    return f"^(?:{pattern})$"
