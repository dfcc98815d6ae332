"""The routes that belong to no dataset: how the API is, what it offers, and whether its installation works."""

from typing import Any

from rowhouse.diagnostics import UPLOAD_BYTES
from rowhouse.formats import JSON
from rowhouse.openapi.responses import ALWAYS, ANSWER, UPLOAD, Problems, cacheable, reference, with_headers
from rowhouse.openapi.root import index_schema, root_path
from rowhouse.openapi.schemas import Schema, closed, version_schema
from rowhouse.state import State

type Node = dict[str, Any]

# No dataset can be called so.
SERVICE = "The API itself"


def service_schemas() -> Node:
    """Return the schemas of what these routes answer, by name."""
    texts: Schema = {"type": "array", "items": {"type": "string"}}
    told: Node = {
        "status": {"enum": ["ok", "degraded"]},
        "reasons": texts | {"description": "What does not work; empty when all does"},
        "release": {"type": "string"},
    }
    rows: Schema = {"type": ["integer", "null"], "minimum": 0, "description": "null where the dataset is private"}
    dataset = version_schema({"type": "string"}) | {"rows": rows}
    state: Schema = {"enum": [*State], "description": "`none`: not set up"}
    parts = dict.fromkeys(("database", "cache", "object_store"), state)
    build: Schema = {"type": "string", "description": "Tells this program from another of the same release"}
    return {
        "Index": index_schema(),
        "Health": closed(told | {"datasets": {"type": "array", "items": closed(dataset)}}),
        "Parts": closed(told | {"build": build, "parts": closed(parts)}),
        "Mirrored": closed({"transformed": {"type": "string", "examples": ["789321cbaCBA"]}}),
        "Uploaded": closed({"key": {"type": "string"}, "size": {"const": UPLOAD_BYTES}}),
    }


def service_paths(problems: Problems) -> Node:
    """Return the paths, which refer to these problems."""
    health = problems.by_status(ALWAYS)
    word = {
        "name": "word",
        "in": "query",
        "required": True,
        "description": "Any text, also an empty one. What a reader takes for one character stays whole",
        "schema": {"type": "string"},
        "example": "abcABC123987",
    }
    document = with_headers(
        {"description": "OpenAPI 3.1", "content": {JSON.media_type: {"schema": {"type": "object"}}}},
        ("ETag", "Cache-Control", "Vary", "X-Cache", "Link"),
    )
    return {
        **root_path(SERVICE, lambda success, kinds: cacheable(success) | problems.by_status(kinds)),
        "/health": _get("health", "What is served, and whether all of it works", _health("Health") | health),
        "/openapi.json": _get(
            "openapi",
            "This document",
            cacheable(document) | problems.by_status(ANSWER),
            reference("parameters", "If-None-Match"),
        ),
        "/api/health": _get("parts", "Which parts of the installation work", _health("Parts") | health),
        "/api/mirror": _get(
            "mirror",
            "A word from its end to its beginning, with upper and lower case swapped",
            {"200": _answer("The word", "Mirrored"), "414": reference("responses", "too-long")} | health,
            word,
        ),
        "/api/upload-random": {
            "post": _operation(
                "upload_random",
                "Write a small random object to the object store",
                {"201": _answer("The object's key in its bucket, and its bytes", "Uploaded")}
                | problems.by_status(UPLOAD),
            )
        },
    }


def _get(identifier: str, summary: str, responses: Node, *parameters: Node) -> Node:
    return {"get": _operation(identifier, summary, responses, *parameters)}


def _operation(identifier: str, summary: str, responses: Node, *parameters: Node) -> Node:
    operation: Node = {"operationId": identifier, "tags": [SERVICE], "summary": summary, "responses": responses}
    return operation | ({"parameters": list(parameters)} if parameters else {})


def _answer(text: str, schema: str, *required: str) -> Node:
    content = {JSON.media_type: {"schema": reference("schemas", schema)}}
    return with_headers({"description": text, "content": content}, ("Cache-Control", *required))


def _health(schema: str) -> Node:
    told = {"200": "Everything works", "503": "Something does not, as `reasons` says"}
    return {status: _answer(text, schema, "Link") for status, text in told.items()}
