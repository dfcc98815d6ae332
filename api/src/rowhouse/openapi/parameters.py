"""The parameters that requests may have, described from the objects that read them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rowhouse.clauses import MAXIMUM_VALUES
from rowhouse.dataset import Column, ColumnType, Dataset
from rowhouse.grouping import Function
from rowhouse.openapi.samples import Sample
from rowhouse.openapi.schemas import (
    Schema,
    any_text,
    describe,
    groups_of,
    input_schema,
    integer,
    measures_of,
)
from rowhouse.parameters import AGGREGATE_PARAMETERS, COLLECTION_PARAMETERS
from rowhouse.query import DEFAULT_LIMIT, MAXIMUM_LIMIT, Count, Operator, filter_parameter, operators_of

type Parameter = dict[str, Any]

# One value of a CSV record (RFC 4180), and as many behind it as are taken.
_CSV_VALUE = r'(?:"(?:[^"\u0000]|"")*"|(?:[^",\r\n\u0000][^,\r\n\u0000]*)?)'
_CSV_RECORD = rf"^{_CSV_VALUE}(?:,{_CSV_VALUE}){{0,{MAXIMUM_VALUES - 1}}}$"


class Parameters:
    """Describes the parameters of one dataset's routes."""

    def __init__(self, dataset: Dataset, sample: Sample) -> None:
        """Take whose they are, and where examples come from."""
        self._dataset = dataset
        self._sample = sample
        self._declared = (dataset.key, *dataset.filters)

    def collection(self, *, is_page: bool) -> list[Parameter]:
        """Return those of a collection; `is_page` when the answer is a page even without `limit`."""
        columns = self._dataset.columns
        known: dict[str, Callable[[], Parameter]] = {
            "fields": lambda: _query(
                "fields",
                "The columns to show, in the order that the dataset has; without it all.",
                _names([column.name for column in columns]),
                example=[column.name for column in columns[:2]],
            ),
            "sort": lambda: self._sort([column.name for column in self._declared], "The key decides between equals."),
            **self._common(is_page=is_page),
        }
        return [known[name]() for name in COLLECTION_PARAMETERS] + self._filters()

    def aggregate(self, *, is_page: bool) -> list[Parameter]:
        """Return those of an aggregate."""
        groups = [group.result.name for group in groups_of(self._dataset)]
        measures = [(measure.result(is_grouped=True).name, measure) for measure in measures_of(self._dataset)]
        told = "; ".join(f"`{function}.COLUMN`: {function.meaning}" for function in Function)
        known: dict[str, Callable[[], Parameter]] = {
            "group_by": lambda: _query(
                "group_by",
                "What the rows of a group have in common; dates and times can be cut down to a part, in UTC. "
                "Without it there is one group of all rows.",
                _names(groups),
                example=groups[:1],
            ),
            "select": lambda: _query(
                "select",
                f"What to tell of each group. `count`: number of rows; {told}. Nulls are left out.",
                _names([Function.COUNT, *(name for name, _ in measures)]) | {"default": [Function.COUNT]},
                example=[Function.COUNT],
            ),
            "sort": lambda: self._sort(
                [*groups, Function.COUNT, *(name for name, _ in measures)],
                "Only what `group_by` and `select` name can be sorted by. The groups decide between equals.",
            ),
            **self._common(is_page=is_page),
        }
        return [known[name]() for name in AGGREGATE_PARAMETERS] + self._filters()

    def key(self) -> Parameter:
        """Return the part of the path that names a row."""
        column = self._dataset.key
        schema = input_schema(column.type)
        if column.type is ColumnType.TEXT:
            # A part of a path that OpenAPI knows is not empty.
            schema |= {"pattern": r"^[^\u0000]+$"}
        return {
            "name": "key",
            "in": "path",
            "required": True,
            "description": _sentence(f"`{column.name}` of the row", describe(column)),
            "schema": schema,
            "example": self._sample.key(column),
        }

    def _common(self, *, is_page: bool) -> dict[str, Callable[[], Parameter]]:
        """Describe what collection and aggregate share."""
        limit = integer(1, MAXIMUM_LIMIT)
        default = "Without it the answer is the whole selection."
        if is_page:
            limit |= {"default": DEFAULT_LIMIT}
            default = f"In JSON {DEFAULT_LIMIT} by default; in other formats the answer is else the whole selection."
        return {
            "limit": lambda: _query("limit", f"Rows on a page. {default}", limit, example=2),
            "cursor": lambda: _query(
                "cursor",
                "Where the page starts: from `links.next` or `Link` of the page before; all else stays as it was.",
                {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
            ),
            "count": lambda: _query(
                "count",
                "How to count the rows that filters leave, for `meta.total`; without it they are not counted. "
                "An estimate takes no time.",
                {"type": "string", "enum": [*Count]},
                example=Count.EXACT,
            ),
        }

    def _sort(self, names: Sequence[str], more: str) -> Parameter:
        orders = [order for name in names for order in (name, f"-{name}")]
        return _query(
            "sort",
            "What to sort by, each once, descending with `-`. Texts go by code point, nulls are the greatest. " + more,
            _names(orders),
            example=orders[1:2],
        )

    def _filters(self) -> list[Parameter]:
        return [self._filter(column, operator) for column in self._declared for operator in operators_of(column)]

    def _filter(self, column: Column, operator: Operator) -> Parameter:
        return _query(
            filter_parameter(column, operator),
            _sentence(f"Rows whose `{column.name}` {operator.meaning}", describe(column)),
            _operand_schema(column, operator),
            example=self._sample.operand(column, operator),
        )


def condition() -> Parameter:
    """Return the header that asks only for what is new."""
    return {
        "name": "If-None-Match",
        "in": "header",
        "description": "`ETag` of the answer that the client has: if it is still good, the answer is 304.",
        "schema": {"type": "string"},
    }


def _operand_schema(column: Column, operator: Operator) -> Schema:
    if operator is Operator.ISNULL:
        return {"type": "boolean"}
    if operator is not Operator.IN:
        return input_schema(column.type)
    if column.type is ColumnType.TEXT:
        # A text may hold a comma, which an array in a query cannot.
        return any_text() | {"pattern": _CSV_RECORD}
    return {"type": "array", "items": input_schema(column.type), "minItems": 1, "maxItems": MAXIMUM_VALUES}


def _names(names: Iterable[str]) -> Schema:
    return {"type": "array", "items": {"type": "string", "enum": [*names]}, "minItems": 1, "uniqueItems": True}


def _query(name: str, description: str, schema: Schema, **example: Any) -> Parameter:
    parameter = {"name": name, "in": "query", "description": description, "schema": schema, **example}
    # Several values stand in one parameter, with commas between.
    return parameter | ({"style": "form", "explode": False} if schema["type"] == "array" else {})


def _sentence(text: str, more: str) -> str:
    return f"{text}. {more}." if more else f"{text}."
