"""Queries of all kinds over real tables, held against a model in plain Python."""

import csv
import io
import random
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import model
import pytest
from asked import Asked, AskedApi, asked_store
from house import make_house
from hypothesis import given
from hypothesis import strategies as st
from model import Row
from rowhouse.dataset import Dataset
from rowhouse.description import read_datasets
from rowhouse.parameters import parse_query
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


ROWS = make_rows()


@pytest.fixture(scope="module")
def asked(request: pytest.FixtureRequest) -> Iterator[Asked]:
    """The store by itself, or the API that --api names, which must serve this table."""
    if api := request.config.getoption("--api", None):
        with httpx.Client(base_url=api, timeout=10) as client:
            yield AskedApi(client)
        return
    folder = request.getfixturevalue("tmp_path_factory").mktemp("datasets")
    house = make_house(request.getfixturevalue("postgres"), folder)
    house.put(as_csv(ROWS), yml=YML, name="rows")
    house.load()
    with asked_store(house) as store:
        yield store


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
                rows = model.ordered(fulfilling(ROWS, conditions), [], ["id"])
                assert asked.walk(parameters(conditions, [])) == as_json(rows), conditions


LIMITS = st.sampled_from([1, 3, 10, 1000])


@given(filters(), sorts(["id", *VALUES]), LIMITS, st.sets(st.sampled_from(["id", *VALUES, "extra"])))
def test_a_walk_gives_what_the_model_gives(
    asked: Asked, conditions: list[tuple[str, str, Any]], sort: model.Sort, limit: int, fields: set[str]
) -> None:
    texts = parameters(conditions, sort) | {"limit": str(limit)} | ({"fields": ",".join(fields)} if fields else {})
    rows = model.ordered(fulfilling(ROWS, conditions), sort, ["id"])
    expected = [{name: value for name, value in row.items() if not fields or name in fields} for row in rows]
    assert asked.walk(texts) == as_json(expected)


@given(filters(), st.data())
def test_an_aggregate_gives_what_the_model_gives(
    asked: Asked, conditions: list[tuple[str, str, Any]], data: st.DataObject
) -> None:
    by = data.draw(st.lists(st.sampled_from(GROUPS), max_size=3, unique=True))
    select = data.draw(st.lists(st.sampled_from(SELECTS), min_size=1, max_size=4, unique=True))
    sort = data.draw(sorts([*by, *select]))
    texts = parameters(conditions, sort) | {"limit": str(data.draw(LIMITS)), "select": ",".join(select)}
    texts |= {"group_by": ",".join(by)} if by else {}
    rows = model.ordered(model.grouped(fulfilling(ROWS, conditions), by, select), sort, by)
    assert asked.walk(texts, aggregate=True) == [pytest.approx(row) for row in as_json(rows)]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("described")
    (folder / "rows").mkdir()
    (folder / "rows/dataset.yml").write_text(YML)
    (folder / "rows/rows.csv").touch()
    return read_datasets(folder)[0]


@given(filters(), sorts(["id", *VALUES]), st.randoms(use_true_random=False))
def test_equal_queries_have_one_text(
    dataset: Dataset, conditions: list[tuple[str, str, Any]], sort: model.Sort, chance: random.Random
) -> None:
    pairs = list(parameters(conditions, sort).items())
    text = parse_query(dataset, urlencode(pairs)).encode()
    chance.shuffle(pairs)
    assert parse_query(dataset, urlencode(pairs)).encode() == text
    assert parse_query(dataset, text).encode() == text


@given(filters())
def test_counts(asked: Asked, conditions: list[tuple[str, str, Any]]) -> None:
    exact, estimated = (
        asked.total(parameters(conditions, []) | {"count": count, "limit": "1"}) for count in ("exact", "estimated")
    )
    assert exact == len(fulfilling(ROWS, conditions))
    assert estimated is not None
