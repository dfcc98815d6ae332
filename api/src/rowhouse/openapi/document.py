"""The OpenAPI document of some datasets."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rowhouse import __version__
from rowhouse.choice import FORMATS
from rowhouse.dataset import Dataset
from rowhouse.formats import JSON, Format, Selection
from rowhouse.grouping import Function, Grouping, Measure
from rowhouse.openapi.parameters import Parameter, Parameters, condition
from rowhouse.openapi.responses import (
    ALWAYS,
    ANSWER,
    EXPORT,
    QUERY,
    ROW,
    SUFFIX,
    Kinds,
    Problems,
    headers,
    not_modified,
    problem_schema,
    too_long,
    with_headers,
)
from rowhouse.openapi.root import index_schema, root_path
from rowhouse.openapi.samples import Sample
from rowhouse.openapi.schemas import (
    Schema,
    features_schema,
    groups_of,
    health_schema,
    measures_of,
    page_schema,
    row_schema,
    single_schema,
)

type Node = dict[str, Any]

# No dataset can be called so.
_SERVICE = "The API itself"
_ABOUT = (
    "Tables over HTTP. Filters, order, columns and pages are parameters; an answer that a client has already is 304; "
    "every error is a problem as in RFC 9457, whose `type` stays the same. A path that is not listed here is answered "
    "with `route-not-found` or, behind a dot, `unknown-format`. Each parameter may be given once."
)


def document(datasets: Iterable[Dataset], samples: Mapping[str, Sample]) -> Node:
    """Return the document; `samples` are rows of datasets, by name, and may lack any.

    It holds dates and members of enumerations: `jsontext.dump` writes it.
    """
    return _Document().complete(tuple(datasets), samples)


def _reference(kind: str, name: str) -> Node:
    return {"$ref": f"#/components/{kind}/{name}"}


class _Document:
    """Collects paths, and the components that they refer to."""

    def __init__(self) -> None:
        self._paths: Node = {}
        self._problems = Problems()
        self._schemas: Node = {"Problem": problem_schema(), "Health": health_schema(), "Index": index_schema()}
        self._parameters: Node = {"If-None-Match": condition()}

    def complete(self, datasets: tuple[Dataset, ...], samples: Mapping[str, Sample]) -> Node:
        for dataset in datasets:
            self._add(dataset, samples.get(dataset.name, Sample()))
        self._add_service()
        return {
            "openapi": "3.1.0",
            "info": {"title": "Rowhouse", "version": __version__, "description": _ABOUT},
            "servers": [{"url": "/"}],
            "tags": [*map(_tag, datasets), {"name": _SERVICE}],
            "paths": self._paths,
            "components": {
                "schemas": self._schemas,
                "parameters": self._parameters,
                "headers": headers(),
                "responses": self._problems.components | {"not-modified": not_modified(), "too-long": too_long()},
            },
        }

    def _add(self, dataset: Dataset, sample: Sample) -> None:
        self._add_rows(dataset, sample)
        self._add_groups(dataset, sample)
        self._add_row(dataset, sample)

    def _add_rows(self, dataset: Dataset, sample: Sample) -> None:
        name = dataset.name
        self._schemas[f"{name}.row"] = row_schema(dataset.columns, is_whole=False)
        self._schemas[f"{name}.page"] = page_schema(dataset, _reference("schemas", f"{name}.row"))
        selection = Selection(dataset, dataset.columns)
        contents = self._contents(selection, f"{name}.page", f"{name}.features")
        for name_of_form, text in sample.forms.items():
            contents[name_of_form]["example"] = text
        parameters = Parameters(dataset, sample)
        key = f"$response.body#/data/0/{dataset.key.name}"
        links = {"row": {"operationId": f"get_{name}", "parameters": {"key": key}}}
        self._add_selections(
            dataset,
            path=f"/{name}",
            verb="list",
            contents=contents,
            page=sample.page if sample.rows else None,
            summary=f"Rows of {dataset.title}",
            parameters=parameters.collection,
            links=links,
        )

    def _add_groups(self, dataset: Dataset, sample: Sample) -> None:
        name = dataset.name
        grouping = Grouping(tuple(groups_of(dataset)), (Measure(Function.COUNT), *measures_of(dataset)))
        # Without groups there may be no row to tell of, and so any of them may be null.
        measures = Grouping((), grouping.select).columns
        self._schemas[f"{name}.group"] = row_schema((*grouping.key, *measures), is_whole=False)
        self._schemas[f"{name}.groups"] = page_schema(dataset, _reference("schemas", f"{name}.group"))
        contents = self._contents(Selection(dataset, grouping.columns), f"{name}.groups", f"{name}.group_features")
        parameters = Parameters(dataset, sample)
        self._add_selections(
            dataset,
            path=f"/{name}/aggregate",
            verb="aggregate",
            contents=contents,
            page=sample.aggregate if sample.version else None,
            summary=f"Groups of rows of {dataset.title}",
            parameters=parameters.aggregate,
            links={},
        )

    def _contents(self, selection: Selection, page: str, features: str) -> dict[str, Node]:
        """Return the media type of each format that can write the selection, by the format's name."""
        contents: dict[str, Node] = {}
        for form in FORMATS:
            if form.obstacle(selection):
                continue
            told = (form.__doc__ or "").partition("\n")[0]
            schema: Schema = {"type": "string", "contentMediaType": form.media_type, "description": told}
            if form is JSON:
                schema = _reference("schemas", page)
            elif form.is_json:
                self._schemas[features] = features_schema(selection)
                schema = _reference("schemas", features)
            elif form.is_compressed:
                # Bytes have no type.
                del schema["type"]
            contents[form.name] = {"schema": schema}
        return contents

    def _add_selections(
        self,
        dataset: Dataset,
        *,
        path: str,
        verb: str,
        contents: dict[str, Node],
        page: Callable[[Dataset, str], Node] | None,
        summary: str,
        parameters: Callable[..., list[Parameter]],
        links: Node,
    ) -> None:
        """Add the route that Accept chooses the format for, and one for each suffix that does."""
        forms = [form for form in FORMATS if form.name in contents]
        for form in (None, *forms):
            is_json = form in (None, JSON)
            self._add_selection(
                dataset,
                path=path,
                verb=verb,
                form=form,
                content={item.media_type: contents[item.name] for item in ([form] if form else forms)},
                example=page(dataset, f"{path}{f'.{form.name}' if form else ''}") if page and is_json else None,
                summary=summary,
                parameters=parameters(is_page=is_json),
                links=links if is_json else {},
            )

    def _add_selection(
        self,
        dataset: Dataset,
        *,
        path: str,
        verb: str,
        form: Format | None,
        content: dict[str, Node],
        example: Node | None,
        summary: str,
        parameters: list[Parameter],
        links: Node,
    ) -> None:
        """Add one of them; `form` is None for the first."""
        suffix = f".{form.name}" if form else ""
        if example is not None:
            content[JSON.media_type] = content[JSON.media_type] | {"example": example}
        kinds: Kinds = QUERY
        if form is not JSON:
            kinds += EXPORT
        if form:
            kinds += SUFFIX
        required = ["ETag", "Last-Modified", "Cache-Control", "Vary", "X-Cache"]
        optional = ["Link", "Age"]
        if form is not JSON:
            (required if form else optional).append("Content-Disposition")
        response = with_headers({"description": "The rows", "content": content}, required, optional)
        if links:
            response["links"] = links
        self._paths[path + suffix] = {
            "get": {
                "operationId": f"{verb}{form.name.capitalize() if form else ''}_{dataset.name}",
                "tags": [dataset.name],
                "summary": summary + (f" as {form.name}" if form else ""),
                "parameters": [self._shared(dataset, path, parameter) for parameter in parameters]
                + [_reference("parameters", "If-None-Match")],
                "responses": self._responses(response, kinds),
            }
        }

    def _add_row(self, dataset: Dataset, sample: Sample) -> None:
        name = dataset.name
        row = row_schema(dataset.columns, is_whole=True)
        self._schemas[f"{name}.single"] = single_schema(dataset, row)
        content: Node = {"schema": _reference("schemas", f"{name}.single")}
        if sample.rows:
            content["example"] = sample.single(dataset)
        response = with_headers(
            {"description": "The row", "content": {JSON.media_type: content}},
            ("ETag", "Last-Modified", "Cache-Control", "Vary", "X-Cache"),
            ("Age",),
        )
        self._paths[f"/{name}/{{key}}"] = {
            "get": {
                "operationId": f"get_{name}",
                "tags": [name],
                "summary": f"One row of {dataset.title}",
                "parameters": [Parameters(dataset, sample).key(), _reference("parameters", "If-None-Match")],
                "responses": self._responses(response, ROW),
            }
        }

    def _add_service(self) -> None:
        health = {JSON.media_type: {"schema": _reference("schemas", "Health")}}
        told = {"200": "Everything works", "503": "Something does not, as `reasons` says"}
        self._paths["/health"] = {
            "get": {
                "operationId": "health",
                "tags": [_SERVICE],
                "summary": "What is served, and whether all of it works",
                "responses": self._problems.by_status(ALWAYS)
                | {
                    status: with_headers({"description": text, "content": health}, ("Cache-Control", "Link"))
                    for status, text in told.items()
                },
            }
        }
        self._paths |= root_path(_SERVICE, self._responses)
        document = with_headers(
            {"description": "OpenAPI 3.1", "content": {JSON.media_type: {"schema": {"type": "object"}}}},
            ("ETag", "Cache-Control", "Vary", "X-Cache", "Link"),
        )
        self._paths["/openapi.json"] = {
            "get": {
                "operationId": "openapi",
                "tags": [_SERVICE],
                "summary": "This document",
                "parameters": [_reference("parameters", "If-None-Match")],
                "responses": self._responses(document, ANSWER),
            }
        }

    def _responses(self, success: Node, kinds: Kinds) -> Node:
        others = {"304": _reference("responses", "not-modified"), "414": _reference("responses", "too-long")}
        return {"200": success} | others | self._problems.by_status(kinds)

    def _shared(self, dataset: Dataset, path: str, parameter: Parameter) -> Node:
        """Put a parameter among the components, once for all routes that have the same."""
        name = parameter["name"]
        match name:
            case "cursor" | "count":
                # A dataset's own have a dot in their names.
                shared = name
            case "limit":
                shared = "page-limit" if "default" in parameter["schema"] else "limit"
            case "sort":
                shared = f"{path[1:].replace('/', '.')}.sort"
            case _:
                shared = f"{dataset.name}.{name}"
        self._parameters[shared] = parameter
        return _reference("parameters", shared)


def _tag(dataset: Dataset) -> Node:
    parts = [f"**{dataset.title}**", dataset.description, f"Source: {dataset.source}" if dataset.source else ""]
    return {"name": dataset.name, "description": "\n\n".join(part for part in parts if part)}
