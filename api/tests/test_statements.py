"""Statements: their texts are shared by queries of one shape, and an export is what all pages have."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from columns import dataset
from house import House
from rowhouse.catalog import Catalog
from rowhouse.cursor import Cursor
from rowhouse.parameters import parse_aggregate, parse_query
from rowhouse.query import order_text
from rowhouse.statements import Statements
from sqlalchemy import create_engine

YML = "title: T\nfile: rows.csv\nkey: id\nfilters: [text]\ncolumns: {id: {type: integer}, text: {type: text}}\n"
DIALECT = create_engine("postgresql+psycopg2://").dialect
STATEMENTS = Statements(Catalog("s"), DIALECT)


def asked_names(text: str) -> list[str]:
    """Return the names of the placeholders."""
    return list(dict.fromkeys(re.findall(r"%\((\w+)\)s", text)))


def test_a_shape_has_one_text() -> None:
    one, other = (
        parse_query(dataset(), f"text={text}&number__in={numbers}") for text, numbers in (("a", "1"), ("b", "2,3"))
    )
    (first,), (second,) = STATEMENTS.page(1, one), STATEMENTS.page(1, other)
    assert first.text is second.text
    assert (first.parameters, second.parameters) == ({"f0": [1], "f1": "a"}, {"f0": [2, 3], "f1": "b"})


@pytest.mark.parametrize(
    "query_string", ["text__isnull=true", "text__isnull=false", "text__ne=a", "sort=text", "sort=-text", "fields=id"]
)
def test_another_shape_has_another_text(query_string: str) -> None:
    plain, other = parse_query(dataset(), "text=a"), parse_query(dataset(), query_string)
    assert STATEMENTS.page(1, plain)[0].text != STATEMENTS.page(1, other)[0].text
    assert STATEMENTS.page(1, other)[0].text != STATEMENTS.page(2, other)[0].text


def test_one_comparison_of_rows_where_directions_agree_and_nothing_is_null() -> None:
    required = replace(dataset(), filters=tuple(replace(column, required=True) for column in dataset().filters))
    query = parse_query(replace(required, columns=(required.key, *required.filters)), "sort=-number")
    (statement,) = STATEMENTS.page(1, replace(query, cursor=Cursor(1, "-number,id", (1.5, 7))))
    compared = "(CAST(%(a0)s AS DOUBLE PRECISION), CAST(%(a1)s AS BIGINT))"
    assert (
        f"WHERE (s.t_v1.number, s.t_v1.id) < {compared} ORDER BY s.t_v1.number DESC, s.t_v1.id DESC" in statement.text
    )


STEADY = ["", "id__gt=1", "sort=-id&id__lt=9&id__gte=2", "sort=text", "text=a", "text=a&id__gte=2&sort=-id"]
OTHERS = ["text__gt=a", "text=a&sort=text,-id", "sort=text&id__gt=1", "text=a&id__ne=3", "id__in=1,2", "text__in=a,b"]


@pytest.mark.parametrize("text", STEADY)
def test_what_has_one_plan_for_all_values_is_a_range_of_one_index(house: House, text: str) -> None:
    # Half of them are of one kind: an equal value would seem to be frequent.
    house.put("id,text\n" + "".join(f"{i},{'b' if i % 2 else 'c'}\n" for i in range(5000)), yml=YML, name="rows")
    house.load()
    (rows,) = house.datasets
    query = parse_query(rows, text)
    values = tuple("b" if item.column.name == "text" else 4000 for item in query.order)
    for asked in (query, replace(query, cursor=Cursor(1, order_text(query.order), values))):
        first, *_ = Statements(Catalog(house.schema), DIALECT).page(1, asked)
        assert first.is_steady
        names = asked_names(first.text)
        prepared = first.text % {name: f"${i}" for i, name in enumerate(names, 1)}
        with house.connect() as connection, connection.cursor() as pen:
            pen.execute(f"SET plan_cache_mode = force_generic_plan; PREPARE asked AS {prepared}")
            # It tells the plan for all values: there are none.
            call = f"EXECUTE asked ({', '.join('NULL' for _ in names)})"
            pen.execute(f"EXPLAIN {call}")
            plan = "\n".join(line for (line,) in pen.fetchall())
        connection.close()
        index = "rows_v1_text_id_idx" if "text" in text else "rows_v1_pkey"
        assert f"using {index}" in plan, plan
        assert not any(word in plan for word in ("Sort", "Filter", "Seq Scan")), plan


@pytest.mark.parametrize("text", OTHERS)
def test_what_depends_on_its_values_is_planned_each_time(text: str) -> None:
    assert not any(statement.is_steady for statement in STATEMENTS.page(1, parse_query(dataset(), text)))


@pytest.mark.parametrize("cursor", [None, Cursor(1, "text,id", ("b", 2)), Cursor(1, "text,id", (None, 4))])
def test_an_export_is_what_all_pages_have(house: House, tmp_path: Path, cursor: Cursor | None) -> None:
    house.put('id,text\n1,"%s%%\'"\n2,b\n3,c\n4,\n5,\n', yml=YML, name="rows")
    house.load()
    (rows,) = house.datasets
    statements = Statements(Catalog(house.schema), DIALECT)
    for query, expected in (
        (parse_query(rows, "sort=text&fields=id&id__gt=0&limit=1"), [b"1", b"2", b"3", b"4", b"5"]),
        (parse_query(rows, "sort=text&fields=id&text__in=%25s%25%25'"), [b"1"]),
    ):
        statement = statements.export(1, replace(query, cursor=cursor))
        with house.connect() as connection, connection.cursor() as pen, (tmp_path / "out").open("w+b") as file:
            sql = pen.mogrify(statement.text, statement.parameters).decode()
            pen.copy_expert(f"COPY ({sql}) TO STDOUT (FORMAT csv)", file)
            file.seek(0)
            behind = 0 if cursor is None else int(str(cursor.values[1]))
            assert file.read().split() == [key for key in expected if int(key) > behind]


def test_an_aggregate_of_long_names() -> None:
    long = replace(dataset().filters[0], name="a" * 63)
    odd = replace(dataset(), columns=(dataset().key, long), filters=(long,))
    text = STATEMENTS.page(1, parse_aggregate(odd, f"select=min.{long.name},max.{long.name}"))[0].text
    assert text.startswith("SELECT aggregate.c0, aggregate.c1")
