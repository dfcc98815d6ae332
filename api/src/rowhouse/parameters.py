"""From URL parameters to a `Query`."""

import re
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import parse_qsl

from rowhouse.clauses import Clauses, invalid
from rowhouse.cursor import Cursor, parse_cursor
from rowhouse.dataset import Column, Dataset
from rowhouse.grouping import Grouping
from rowhouse.problems import InvalidParameterProblem, UnknownParameterProblem
from rowhouse.query import MAXIMUM_LIMIT, Count, Order, Query, order_text, shortest_sort, total_order
from rowhouse.suggest import did_you_mean
from rowhouse.values import show

# What every server and proxy takes, by RFC 9110, section 4.1.
MAXIMUM_LENGTH = 8000

_PAGE = ("sort", "limit", "cursor", "count")
COLLECTION_PARAMETERS = ("fields", *_PAGE)
AGGREGATE_PARAMETERS = ("group_by", "select", *_PAGE)


def parse_query(dataset: Dataset, query_string: str) -> Query:
    """Read the query string of a collection; without a limit in it, the query has none.

    Args:
        dataset: What is asked about.
        query_string: As it stands in the URL.

    Raises:
        Problem: 400, naming the parameter, what was given, and what would be right.
    """
    return _Parameters(dataset, query_string, COLLECTION_PARAMETERS).collection()


def parse_aggregate(dataset: Dataset, query_string: str) -> Query:
    """Read the query string of an aggregate; otherwise like `parse_query`."""
    return _Parameters(dataset, query_string, AGGREGATE_PARAMETERS).aggregate()


def refuse_parameters(query_string: str) -> None:
    """Refuse whatever is there, on a route without parameters.

    Raises:
        Problem: 400, naming the first parameter.
    """
    for name, _ in _pairs(query_string):
        raise UnknownParameterProblem(f"{show(name)} is unknown; this route takes no parameters.", parameter=name)


def parse_only(query_string: str, name: str) -> str:
    """Return the text of the one parameter that a route has, and must be given; it may be empty.

    Raises:
        Problem: 400, naming what is unknown, missing or given twice.
    """
    texts = []
    for given, text in _pairs(query_string):
        if given != name:
            near = did_you_mean(given, [name])
            raise UnknownParameterProblem(
                f"{show(given)} is unknown; there is only {name}.{near}", parameter=given, allowed=[name]
            )
        texts.append(text)
    if len(texts) != 1:
        raise invalid(name, "must be given once" if texts else "must be given")
    return texts[0]


class _Parameters:
    """The parameters of one query string, each with its text."""

    def __init__(self, dataset: Dataset, query_string: str, own: tuple[str, ...]) -> None:
        """Read the filters, which are all parameters but the route's `own`."""
        self._dataset = dataset
        self._clauses = Clauses(dataset)
        self._texts: dict[str, str] = {}
        for name, text in _pairs(query_string):
            if name in self._texts:
                raise invalid(name, "must be given once")
            self._texts[name] = text
        filters = [self._clauses.filter(name, text, own) for name, text in self._texts.items() if name not in own]
        self._filters = tuple(sorted(filters, key=lambda condition: condition.parameter))

    def collection(self) -> Query:
        dataset = self._dataset
        fields = self._clauses.fields(self._texts["fields"]) if "fields" in self._texts else ()
        query = self._query((dataset.key,), (dataset.key, *dataset.filters), None)
        # The number of all rows is known anyway.
        count = query.count if self._filters else None
        return replace(query, fields=fields, count=count)

    def aggregate(self) -> Query:
        grouping = self._clauses.grouping(self._texts.get("group_by"), self._texts.get("select"))
        return self._query(grouping.key, grouping.columns, grouping)

    def _query(self, key: tuple[Column, ...], sortable: Iterable[Column], grouping: Grouping | None) -> Query:
        sort = self._sort(key, sortable)
        return Query(
            self._dataset,
            filters=self._filters,
            sort=sort,
            limit=self._limit(),
            cursor=self._cursor(total_order(sort, key), is_aggregate=grouping is not None),
            count=self._count(),
            grouping=grouping,
        )

    def _sort(self, key: tuple[Column, ...], sortable: Iterable[Column]) -> tuple[Order, ...]:
        if "sort" not in self._texts:
            return ()
        items = self._clauses.sort(self._texts["sort"], sortable)
        return shortest_sort(tuple(Order(column, descending) for column, descending in items), key)

    def _limit(self) -> int | None:
        if "limit" not in self._texts:
            return None
        text = self._texts["limit"]
        limit = int(text) if re.fullmatch("[0-9]{1,9}", text) else 0
        if not 1 <= limit <= MAXIMUM_LIMIT:
            raise invalid("limit", f"must be a whole number from 1 to {MAXIMUM_LIMIT}, not {show(text)}")
        return limit

    def _cursor(self, order: tuple[Order, ...], *, is_aggregate: bool) -> Cursor | None:
        if "cursor" not in self._texts:
            return None
        columns = [item.column for item in order]
        try:
            return parse_cursor(self._texts["cursor"], order_text(order), columns, is_aggregate=is_aggregate)
        except ValueError as error:
            raise invalid("cursor", str(error)) from error

    def _count(self) -> Count | None:
        if "count" not in self._texts:
            return None
        text = self._texts["count"]
        if text not in Count:
            raise invalid("count", f"must be {' or '.join(Count)}, not {show(text)}", Count, text)
        return Count(text)


def _pairs(query_string: str) -> list[tuple[str, str]]:
    """Take a query string apart, without a judgement on the names."""
    if len(query_string) > MAXIMUM_LENGTH:
        raise InvalidParameterProblem(f"The query string must have at most {MAXIMUM_LENGTH} characters.")
    try:
        query_string.encode()
        return parse_qsl(query_string, keep_blank_values=True, errors="strict")
    except UnicodeError as error:
        raise InvalidParameterProblem("The query string must be percent-encoded UTF-8.") from error
