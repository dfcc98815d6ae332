"""The route `/`, described: the index of the datasets, and the page."""

from collections.abc import Callable
from typing import Any

from falcon import MEDIA_HTML

from rowhouse.dataset import ColumnType
from rowhouse.formats import JSON
from rowhouse.grouping import Function, Part
from rowhouse.openapi.responses import ANSWER, Kinds, reference, with_headers
from rowhouse.openapi.schemas import Schema, closed
from rowhouse.query import Operator

type Node = dict[str, Any]


def root_path(tag: str, responses: Callable[[Node, Kinds], Node]) -> Node:
    """Return what stands under `paths`; `responses` adds all others to that of success."""
    content: Node = {
        JSON.media_type: {"schema": reference("schemas", "Index")},
        MEDIA_HTML.partition(";")[0]: {"schema": {"type": "string", "description": "A page to look at the data with"}},
    }
    success = with_headers(
        {"description": "The datasets", "content": content}, ("ETag", "Cache-Control", "Vary", "X-Cache", "Link")
    )
    return {
        "/": {
            "get": {
                "operationId": "index",
                "tags": [tag],
                "summary": "What there is to ask for, or a page to look at it",
                "parameters": [reference("parameters", "If-None-Match")],
                "responses": responses(success, ANSWER),
            }
        }
    }


def index_schema() -> Schema:
    """Return the schema of the index."""
    text: Schema = {"type": "string"}
    path: Schema = {"type": "string", "format": "uri-reference"}
    whole: Schema = {"type": ["integer", "null"], "minimum": 0}
    column = closed(
        {
            "name": text,
            "type": {"enum": [*ColumnType]},
            "unit": text,
            "description": text,
            "required": {"type": "boolean", "description": "Never null"},
            "operators": _members(Operator, "How it can be compared in filters; empty: not at all, nor sorted by"),
            "parts": _members(Part, "What `group_by` can cut it down to"),
            "functions": _members(Function, "What `select` can tell of it"),
        }
    )
    point = closed({"longitude": text, "latitude": text})
    dataset = closed(
        {
            "name": text,
            "title": text,
            "description": text,
            "source": text,
            "version": whole | {"description": "null until it is loaded"},
            "loaded_at": {"type": ["string", "null"], "format": "date-time"},
            "rows": whole,
            "private": {"type": "boolean", "description": "Reading needs an API key"},
            "writable": {"type": "boolean", "description": "Clients write its rows"},
            "key": text,
            "point": {"oneOf": [point, {"type": "null"}], "description": "The columns that place a row on a map"},
            "formats": {"type": "array", "items": text, "description": "Suffixes of the paths in `links`"},
            "columns": {"type": "array", "items": column},
            "links": closed({"rows": path, "aggregate": path}),
        }
    )
    links = closed(dict.fromkeys(("self", "description", "documentation", "health"), path))
    return closed({"release": text, "datasets": {"type": "array", "items": dataset}, "links": links})


def _members(kind: type[Operator] | type[Part] | type[Function], description: str) -> Schema:
    return {"type": "array", "items": {"enum": [*kind]}, "description": description}
