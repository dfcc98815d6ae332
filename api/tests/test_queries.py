"""Queries of all kinds over real tables, held against a model in plain Python."""

import asyncio
import csv
import io
import random
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import model
import orjson
import pytest
from house import json_page, make_house
from hypothesis import given
from hypothesis import strategies as st
from model import Row
from parts import Postgres
from rowhouse.catalog import Catalog
from rowhouse.database import serving_engine
from rowhouse.dataset import Dataset
from rowhouse.parameters import parse_aggregate, parse_query
from rowhouse.query import Query
from rowhouse.store import Page, Store
from table import VALUES, YML, as_csv, as_json, make_rows, text_of

OPERATORS = {
    "flag": ["eq", "ne", "isnull"],
    "text": [*model.COMPARISONS, "isnull"],
    "name": [*model.COMPARISONS, "isnull"],
}
COMPARISONS = [name for name in model.COMPARISONS if name not in ("contains", "startswith")] + ["isnull"]
GROUPS = [
    "some",
    "text",
    "flag",
    "name",
    "day",
    "day.year",
    "day.month",
    "day.week",
    "time.day",
    "time.hour",
    "time.week",
]
SELECTS = [
    "count",
    "count.text",
    "sum.whole",
    "avg.some",
    "avg.part",
    "sum.part",
    "min.text",
    "max.day",
    "min.time",
    "max.id",
]


@dataclass(frozen=True)
class Asked:
    """A table and its model.

    Attributes:
        run: Runs what the store does, in its event loop.
        store: Open.
        rows: What the table holds.
    """

    run: Callable[[Coroutine[Any, Any, Page]], Page]
    store: Store
    dataset: Dataset
    rows: list[Row] = field(repr=False)

    def walk(self, query: Query) -> list[Row]:
        """Return all rows of a query, page by page, by the links as they stand in answers."""
        version = self.store.version(self.dataset)
        parse = parse_aggregate if query.grouping else parse_query
        found: list[Row] = []
        while True:
            page = self.run(json_page(self.store, version, query))
            rows = orjson.loads(page.data)
            assert len(rows) == page.count
            found += rows
            if page.next is None:
                return found
            assert page.count == query.limit
            assert page.next != query.cursor
            following = parse(self.dataset, query.after(page.next).encode())
            assert following == query.after(page.next)
            query = following


@pytest.fixture(scope="module")
def asked(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    rows = make_rows()
    house = make_house(postgres, tmp_path_factory.mktemp("datasets"))
    house.put(as_csv(rows), yml=YML, name="rows")
    house.load()
    store = Store(serving_engine(house.settings), Catalog(house.schema), house.datasets, threads=1)
    loop = asyncio.new_event_loop()
    # It runs all the time: one that stood still between two examples would take PostgreSQL for silent.
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run[T](work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    run(store.open())
    yield Asked(run, store, house.datasets[0], rows)
    run(store.close())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@st.composite
def filters(draw: st.DrawFn) -> list[tuple[str, str, Any]]:
    """Draw conditions: column, operator, operand."""
    found = {}
    for _ in range(draw(st.integers(0, 3))):
        column = draw(st.sampled_from(list(VALUES)))
        name = draw(st.sampled_from(OPERATORS.get(column, COMPARISONS)))
        operands = st.sampled_from(VALUES[column])
        operand: Any
        if name == "isnull":
            operand = draw(st.booleans())
        elif name == "in":
            operand = draw(st.lists(operands, min_size=1, max_size=4))
        elif column == "text" and draw(st.booleans()):
            operand = draw(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3))
        else:
            operand = draw(operands)
        found[column, name] = operand
    return [(column, name, operand) for (column, name), operand in found.items()]


def sorts(names: list[str]) -> st.SearchStrategy[list[tuple[str, bool]]]:
    return st.lists(st.tuples(st.sampled_from(names), st.booleans()), max_size=3, unique_by=lambda item: item[0])


def parameters(conditions: list[tuple[str, str, Any]], sort: model.Sort) -> dict[str, str]:
    """Return filters and sort as a client writes them."""
    found = {}
    for column, name, operand in conditions:
        text = written(operand)
        if name == "in":
            record = io.StringIO()
            csv.writer(record).writerow([written(value) for value in operand])
            text = record.getvalue().removesuffix("\r\n")
        found[column if name == "eq" else f"{column}__{name}"] = text
    if sort:
        found["sort"] = ",".join(f"{'-' if descending else ''}{name}" for name, descending in sort)
    return found


def written(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(text_of(value))


def fulfilling(rows: list[Row], conditions: list[tuple[str, str, Any]]) -> list[Row]:
    return [row for row in rows if all(model.holds(row[column], name, operand) for column, name, operand in conditions)]


def test_each_filter_with_each_value(asked: Asked) -> None:
    for column, values in VALUES.items():
        for name in OPERATORS.get(column, COMPARISONS):
            operands: list[Any] = [True, False] if name == "isnull" else values
            for operand in [[one, values[0]] for one in values] if name == "in" else operands:
                conditions = [(column, name, operand)]
                query = parse_query(asked.dataset, urlencode(parameters(conditions, [])))
                rows = model.ordered(fulfilling(asked.rows, conditions), [], ["id"])
                assert asked.walk(query) == as_json(rows), conditions


LIMITS = st.sampled_from([1, 3, 10, 1000])


@given(filters(), sorts(["id", *VALUES]), LIMITS, st.sets(st.sampled_from(["id", *VALUES, "extra"])))
def test_a_walk_gives_what_the_model_gives(
    asked: Asked, conditions: list[tuple[str, str, Any]], sort: model.Sort, limit: int, fields: set[str]
) -> None:
    texts = parameters(conditions, sort) | {"limit": str(limit)} | ({"fields": ",".join(fields)} if fields else {})
    query = parse_query(asked.dataset, urlencode(texts))
    rows = model.ordered(fulfilling(asked.rows, conditions), sort, ["id"])
    expected = [{name: value for name, value in row.items() if not fields or name in fields} for row in rows]
    assert asked.walk(query) == as_json(expected)


@given(filters(), st.data())
def test_an_aggregate_gives_what_the_model_gives(
    asked: Asked, conditions: list[tuple[str, str, Any]], data: st.DataObject
) -> None:
    by = data.draw(st.lists(st.sampled_from(GROUPS), max_size=3, unique=True))
    select = data.draw(st.lists(st.sampled_from(SELECTS), min_size=1, max_size=4, unique=True))
    sort = data.draw(sorts([*by, *select]))
    texts = parameters(conditions, sort) | {"limit": str(data.draw(LIMITS)), "select": ",".join(select)}
    query = parse_aggregate(asked.dataset, urlencode(texts | ({"group_by": ",".join(by)} if by else {})))
    rows = model.ordered(model.grouped(fulfilling(asked.rows, conditions), by, select), sort, by)
    assert asked.walk(query) == [pytest.approx(row) for row in as_json(rows)]


@given(filters(), sorts(["id", *VALUES]), st.randoms(use_true_random=False))
def test_equal_queries_have_one_text(
    asked: Asked, conditions: list[tuple[str, str, Any]], sort: model.Sort, chance: random.Random
) -> None:
    pairs = list(parameters(conditions, sort).items())
    text = parse_query(asked.dataset, urlencode(pairs)).encode()
    chance.shuffle(pairs)
    assert parse_query(asked.dataset, urlencode(pairs)).encode() == text
    assert parse_query(asked.dataset, text).encode() == text


@given(filters())
def test_counts(asked: Asked, conditions: list[tuple[str, str, Any]]) -> None:
    version = asked.store.version(asked.dataset)
    totals = []
    for count in ("exact", "estimated"):
        query = parse_query(asked.dataset, urlencode(parameters(conditions, []) | {"count": count, "limit": 1}))
        totals.append(asked.run(json_page(asked.store, version, query)).total)
    assert totals[0] == len(fulfilling(asked.rows, conditions))
    assert totals[1] is not None
