"""What writes the rows of a writable dataset, described."""

from collections.abc import Sequence
from typing import Any

from rowhouse.access.scopes import Right
from rowhouse.dataset import ColumnType, Dataset
from rowhouse.openapi.parameters import Parameter
from rowhouse.openapi.responses import ANSWER, Kinds, Problems, reference, with_headers
from rowhouse.openapi.schemas import Schema, body_schema
from rowhouse.openapi.security import operation_of, refusals
from rowhouse.problems import InvalidKeyProblem, RouteNotFoundProblem, RowNotFoundProblem
from rowhouse.writing.body import JSON_TYPE, MAXIMUM_BYTES, MERGE_PATCH_TYPE
from rowhouse.writing.problems import (
    BodyTooLargeProblem,
    ConflictProblem,
    IdempotencyKeyInUseProblem,
    IdempotencyKeyReusedProblem,
    InvalidIdempotencyKeyProblem,
    InvalidRowProblem,
    MalformedBodyProblem,
    PreconditionFailedProblem,
    UnsupportedMediaTypeProblem,
)

type Node = dict[str, Any]

_REPEATED: Kinds = (InvalidIdempotencyKeyProblem, IdempotencyKeyReusedProblem, IdempotencyKeyInUseProblem)
_WRITE: Kinds = (*ANSWER, *_REPEATED, PreconditionFailedProblem)
_BODY: Kinds = (
    *_WRITE,
    MalformedBodyProblem,
    BodyTooLargeProblem,
    UnsupportedMediaTypeProblem,
    InvalidRowProblem,
    ConflictProblem,
)
_KEY: Kinds = (InvalidKeyProblem, RouteNotFoundProblem)
_KEY_PATTERN = r'^(?:"(?:[ !#-\[\]-~]|\\["\\]){1,255}"|[!#-~]{1,255})$'


class Writing:
    """Describes what writes one dataset."""

    def __init__(self, dataset: Dataset, problems: Problems) -> None:
        """Take what is written, and where problems are described."""
        self._dataset = dataset
        self._problems = problems

    def add(self, paths: Node, schemas: Node, parameters: Node) -> None:
        """Add the operations to the paths that there are, and what they refer to."""
        row = paths[f"/{self._dataset.name}/{{key}}"]
        key = next(parameter for parameter in row["get"]["parameters"] if parameter.get("in") == "path")
        paths[f"/{self._dataset.name}"] |= self._on_collection()
        row |= self._on_row(key)
        schemas |= self._schemas()
        parameters |= _conditions()

    def _schemas(self) -> dict[str, Schema]:
        """Return the schemas of what is sent and given, by name."""
        dataset = self._dataset
        columns = {column.name: body_schema(dataset, column) for column in dataset.columns}
        required = [column.name for column in dataset.columns if column.required]
        own = dataset.key.name
        is_counted = dataset.key.type is ColumnType.INTEGER
        row: Schema = {"type": "object", "properties": columns, "additionalProperties": False}
        return {
            f"{dataset.name}.new": row
            | {"required": [name for name in required if not (is_counted and name == own)]}
            | {
                "description": "Members that are missing are null. "
                + ("A number is given to it." if is_counted else "")
            },
            f"{dataset.name}.whole": row
            | {"required": [name for name in required if name != own]}
            | {"description": f"Members that are missing become null; `{own}` is that of the path"},
            f"{dataset.name}.change": row
            | {"description": "JSON Merge Patch (RFC 7396): what is missing stays as it is"},
        }

    def _on_collection(self) -> Node:
        """Return the operations of /DATASET."""
        name = self._dataset.name
        links = {
            verb: {
                "operationId": f"{verb}_{name}",
                "parameters": {"key": f"$response.body#/data/{self._dataset.key.name}"},
            }
            for verb in ("get", "delete")
        }
        created = self._single("The row that was added", ("Location",)) | {"links": links}
        return {
            "post": self._operation("create", f"Add a row to {self._dataset.title}", [])
            | _body([JSON_TYPE], f"{name}.new")
            | {"responses": {"201": created, **self._refused(_BODY)}}
        }

    def _on_row(self, key: Parameter) -> Node:
        """Return the operations of /DATASET/KEY."""
        name, title = self._dataset.name, self._dataset.title
        put, patch, delete = (*_BODY, *_KEY), (*_BODY, *_KEY, RowNotFoundProblem), (*_WRITE, *_KEY, RowNotFoundProblem)
        replaced = self._single("The row that is there now", ())
        gone = with_headers({"description": "The row is gone"}, (), ("Idempotency-Replayed",))
        return {
            "put": self._operation(
                "replace", f"Put a row of {title} in the place of another, or of none", [self._new(key)]
            )
            | _body([JSON_TYPE], f"{name}.whole")
            | {
                "responses": {
                    "200": replaced,
                    "201": self._single("The row that was added", ("Location",)),
                    **self._refused(put),
                }
            },
            "patch": self._operation("change", f"Change a row of {title}", [key])
            | _body([MERGE_PATCH_TYPE, JSON_TYPE], f"{name}.change")
            | {"responses": {"200": replaced, **self._refused(patch)}},
            "delete": self._operation("delete", f"Remove a row of {title}", [key])
            | {"responses": {"204": gone, **self._refused(delete)}},
        }

    def _new(self, key: Parameter) -> Parameter:
        """Return the part of the path for a row that may be new: it has to keep the rules."""
        rules = body_schema(self._dataset, self._dataset.key)
        # The part of a path says more of a text: that it is not empty. A rule of its own stands in `allOf`.
        return key | {
            "schema": key["schema"] | {name: rules[name] for name in rules if name not in ("pattern", "description")}
        }

    def _operation(self, verb: str, summary: str, parameters: Sequence[Parameter]) -> Node:
        shared = [reference("parameters", name) for name in _conditions()]
        return {
            "operationId": f"{verb}_{self._dataset.name}",
            **operation_of(self._dataset, Right.WRITE),
            "summary": summary,
            "parameters": [*parameters, *shared],
        }

    def _refused(self, kinds: Kinds) -> Node:
        return self._problems.by_status((*kinds, *refusals(self._dataset, Right.WRITE)))

    def _single(self, description: str, required: Sequence[str]) -> Node:
        content = {JSON_TYPE: {"schema": reference("schemas", f"{self._dataset.name}.single")}}
        return with_headers(
            {"description": description, "content": content},
            ("ETag", "Last-Modified", "Cache-Control", "Vary", "X-Cache", "Content-Location", *required),
            ("Idempotency-Replayed",),
        )


def _conditions() -> dict[str, Parameter]:
    """Return the headers that every write may have, by the names under which they are shared."""
    text: Schema = {"type": "string"}
    return {
        "If-Match": _header(
            "If-Match", "`ETag` that the row must still have, in whatever form it was given; `*`: any.", text
        ),
        "write-If-None-Match": _header(
            "If-None-Match", "`ETag` that the row must not have; `*`: there must be none.", text
        ),
        "If-Unmodified-Since": _header("If-Unmodified-Since", "Date behind which nothing may have changed.", text),
        "Idempotency-Key": _header(
            "Idempotency-Key",
            "A new one for each request, such as a UUID. Who sends the same request again within a day, as no answer "
            "came, gets the same answer, and nothing is written twice.",
            {"type": "string", "pattern": _KEY_PATTERN},
        ),
    }


def _header(name: str, description: str, schema: Schema) -> Parameter:
    return {"name": name, "in": "header", "description": description, "schema": schema}


def _body(media_types: Sequence[str], schema: str) -> Node:
    return {
        "requestBody": {
            "required": True,
            "description": f"One JSON object of at most {MAXIMUM_BYTES} bytes.",
            "content": {media_type: {"schema": reference("schemas", schema)} for media_type in media_types},
        }
    }
