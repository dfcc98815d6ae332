"""Query strings: what they mean, their normal form, and every way to get them wrong."""

import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote, urlencode

import orjson
import pytest
from columns import dataset
from hypothesis import given
from hypothesis import strategies as st
from rowhouse.cursor import Cursor
from rowhouse.dataset import Column, ColumnType, Point
from rowhouse.grouping import Function, Group, Grouping, Measure, Part
from rowhouse.parameters import parse_aggregate, parse_query, refuse_parameters
from rowhouse.problems import InvalidParameterProblem, UnknownParameterProblem
from rowhouse.query import Count, Query

DATASET = dataset()
COLUMNS = {column.name: column for column in DATASET.columns}


def normal(query_string: str) -> str:
    return parse_query(DATASET, query_string).encode()


def check(said: str, parameter: str, parse: Callable[[], Query]) -> None:
    """See that it is refused with a sentence that begins with the parameter's name."""
    with pytest.raises(
        InvalidParameterProblem, match=f"^{parameter} .*{re.escape(said).replace(r'\.\*', '.*')}"
    ) as caught:
        parse()
    assert caught.value.status == 400
    assert caught.value.members["parameter"] == parameter


def test_without_parameters() -> None:
    assert parse_query(DATASET, "") == Query(DATASET, limit=None)
    assert parse_query(DATASET, "").encode() == ""
    count = Grouping((), (Measure(Function.COUNT),))
    assert parse_aggregate(DATASET, "") == Query(DATASET, limit=None, grouping=count)


def test_what_is_asked_for() -> None:
    query = parse_query(DATASET, "sort=-number,id&fields=text,id&count=exact&date__gte=2025-01-01&limit=5")
    assert [column.name for column in query.columns] == ["id", "text"]
    assert [str(item) for item in query.order] == ["-number", "id"]
    assert (query.limit, query.count, query.filters[0].parameter) == (5, Count.EXACT, "date__gte")
    grouping = parse_aggregate(DATASET, "group_by=text,date.month&select=avg.number,count,count.text").grouping
    assert grouping == Grouping(
        (Group(COLUMNS["text"]), Group(COLUMNS["date"], Part.MONTH)),
        (
            Measure(Function.AVG, COLUMNS["number"]),
            Measure(Function.COUNT),
            Measure(Function.COUNT, COLUMNS["text"]),
        ),
    )
    assert [column.name for column in grouping.columns] == ["text", "date.month", "avg.number", "count", "count.text"]


@pytest.mark.parametrize(
    ("texts", "text"),
    [
        (["", "sort=id", "sort=id,-number", "count=exact"], ""),
        (["limit=100", "limit=0100", "limit=100&sort=id"], "limit=100"),
        ([f"fields={','.join(COLUMNS)}", f"fields={','.join(reversed(COLUMNS))}"], ""),
        (["fields=text,id", "fields=id,text"], "fields=id,text"),
        (["sort=-number", "sort=-number,-id", "sort=-number,-id,text"], "sort=-number"),
        (["sort=-number,id"], "sort=-number,id"),
        (["number=5e1&text=a", "text=a&number=50.0"], "number=50&text=a"),
        (["number__in=2,1.0,2", "number__in=1,2"], "number__in=1,2"),
        (["text=", "text"], "text="),
        (["text__in=", "text__in=%22%22"], "text__in=%22%22"),
        (["text__in=%22a%2Cb%22,c", "text__in=c,%22a,b%22"], "text__in=%22a,b%22,c"),
        (["timestamp=2025-01-01T01:00%2B01:00"], "timestamp=2025-01-01T00:00:00Z"),
        (["boolean__isnull=true&count=estimated"], "boolean__isnull=true&count=estimated"),
    ],
)
def test_equal_queries_have_one_text(texts: list[str], text: str) -> None:
    assert {normal(one) for one in texts} == {text}
    assert normal(text) == text


@pytest.mark.parametrize(
    ("query_string", "said"),
    [
        ("limt=5", "'limt' is unknown; .*Did you mean limit?"),
        ("numbr__gt=5", "'numbr__gt' is unknown; .*filters by id, integer, .* Did you mean number?"),
        ("number__gtee=5", "'number__gtee' is unknown; number, whose type is number, .* Did you mean number__gte?"),
        ("number__contains=5", "has the filters number, number__ne, number__lt, .*number__isnull."),
        ("boolean__lt=true", "has the filters boolean, boolean__ne, boolean__isnull."),
        ("number__eq=5", "'number__eq' is unknown"),
        ("group_by=text", "'group_by' is unknown; there are fields, sort, limit, cursor, count and filters by"),
        ("=1", "'' is unknown"),
        ("%00=1", "'.x00' is unknown"),
    ],
)
def test_an_unknown_parameter(query_string: str, said: str) -> None:
    with pytest.raises(UnknownParameterProblem, match=said) as caught:
        parse_query(DATASET, query_string)
    assert caught.value.status == 400
    assert caught.value.members["allowed"]


@pytest.mark.parametrize(
    ("query_string", "parameter", "said"),
    [
        ("hidden=5", "hidden", "cannot be filtered by; the columns that can are id, integer, number, text, date, "),
        ("json__isnull=true", "json__isnull", "cannot be filtered by"),
        ("number=x", "number", "must be a finite number such as 12.5 or 1e-3, not 'x'."),
        ("number=", "number", "must be a finite number"),
        ("integer__in=1,,2", "integer__in", "must be a whole number of at most 64 bits, not '1,,2'."),
        ("integer__in=" + ",".join(map(str, range(101))), "integer__in", "must have at most 100 values"),
        ("text__in=%22a", "text__in", "must be values with commas between"),
        ("text__in=a%0Ab", "text__in", "must be values with commas between"),
        ("text__isnull=1", "text__isnull", "must be true or false, not '1'."),
        ("timestamp=2025-01-01T00:00:00+01:00", "timestamp", "with its + written as %2B"),
        ("text=a%00b", "text", "must be a text without NUL"),
        ("sort=", "sort", "must be names with commas between, not ''."),
        ("sort=-", "sort", "must be names"),
        ("sort=number,-number", "sort", "names 'number' twice."),
        ("sort=hidden", "sort", "names hidden, which cannot be sorted by; the columns that can are id, "),
        ("sort=numbr", "sort", "names 'numbr', but there is only id, .*. Did you mean number?"),
        ("fields=", "fields", "must be names"),
        ("fields=id,id", "fields", "names 'id' twice."),
        ("fields=idd", "fields", "names 'idd', but there is only id, .*, hidden. Did you mean id?"),
        ("count=exac", "count", "must be exact or estimated, not 'exac'. Did you mean exact?"),
        ("limit=1&limit=1", "limit", "must be given once."),
        ("text=1&text=2", "text", "must be given once."),
        *((f"limit={text}", "limit", "must be a whole number from 1 to 1000, not ") for text in ("0", "1001", "-1")),
        *((f"limit={text}", "limit", "must be a whole number from 1 to 1000") for text in ("1.5", "", "٣", "9" * 30)),
    ],
)
def test_an_invalid_parameter(query_string: str, parameter: str, said: str) -> None:
    check(said, parameter, lambda: parse_query(DATASET, query_string))


@pytest.mark.parametrize(
    ("query_string", "parameter", "said"),
    [
        ("group_by=date.hour", "group_by", "can be grouped as date, date.year, date.month, date.week, date.day."),
        ("group_by=text.year", "group_by", "text, whose type is text, can be grouped as text."),
        ("group_by=timestamp.", "group_by", "can be grouped as timestamp, .*timestamp.hour."),
        ("group_by=hidden", "group_by", "names hidden, which cannot be grouped by; the columns that can are id"),
        ("group_by=txt", "group_by", "names 'txt', but there is only id, .* Did you mean text?"),
        ("group_by=text,text", "group_by", "names 'text' twice."),
        ("group_by=", "group_by", "must be names"),
        ("select=", "select", "must be names"),
        ("select=avg", "select", "must be count, or functions of columns such as max.id, not 'avg'; the functions are"),
        ("select=mean.number", "select", "the functions are count, min, max, avg, sum."),
        ("select=sum.text", "select", "there is only count.text, min.text, max.text."),
        ("select=max.boolean", "select", "there is only count.boolean."),
        ("select=sum.json", "select", "names json, which cannot be told of by"),
        ("select=count,count", "select", "names 'count' twice."),
        ("group_by=text&sort=number", "sort", "names 'number', but there is only text, count."),
        ("group_by=text&sort=-cont", "sort", "Did you mean count?"),
    ],
)
def test_an_invalid_parameter_of_an_aggregate(query_string: str, parameter: str, said: str) -> None:
    check(said, parameter, lambda: parse_aggregate(DATASET, query_string))


def test_groups_by_the_columns_of_the_point_need_no_filter() -> None:
    east, north = (Column(name=name, type=ColumnType.NUMBER) for name in ("east", "north"))
    mapped = replace(DATASET, columns=(*DATASET.columns, east, north), point=Point(east, north))
    assert parse_aggregate(mapped, "group_by=north,east").grouping == Grouping(
        (Group(north), Group(east)), (Measure(Function.COUNT),)
    )
    check("cannot be told of by", "select", lambda: parse_aggregate(mapped, "group_by=east&select=avg.north"))
    check("cannot be filtered by", "east", lambda: parse_query(mapped, "east=1"))


def test_a_group_and_a_function_of_one_name() -> None:
    avg, month = replace(COLUMNS["date"], name="avg"), replace(COLUMNS["number"], name="month")
    odd = replace(DATASET, columns=(DATASET.key, avg, month), filters=(avg, month))
    check(
        "names avg.month, which group_by", "select", lambda: parse_aggregate(odd, "group_by=avg.month&select=avg.month")
    )


def test_cursors() -> None:
    query = parse_query(DATASET, "sort=-number,text")
    following = replace(query, cursor=Cursor(3, "-number,text,id", (None, "ä,\U0001f600", 7)))
    assert parse_query(DATASET, following.encode()) == following
    moved = following.encode().replace("sort=-number,text", "sort=number,text")
    check(
        "belongs to the order '-number,text,id' and not to 'number,text,id'",
        "cursor",
        lambda: parse_query(DATASET, moved),
    )


@pytest.mark.parametrize("query_string", ["limit=%FF", "text=%ED%A0%80", "\ud800=1", "text=" + "a" * 8000])
def test_a_query_string_that_is_none(query_string: str) -> None:
    with pytest.raises(InvalidParameterProblem, match="The query string must"):
        parse_query(DATASET, query_string)


def test_a_route_without_parameters() -> None:
    refuse_parameters("")
    with pytest.raises(UnknownParameterProblem, match="'a' is unknown; this route takes no parameters"):
        refuse_parameters("a=1")


NAMES = st.sampled_from([*COLUMNS, "limit", "cursor", "sort", "fields", "count", "group_by", "select", "", "x"])
SUFFIXES = st.sampled_from(["", "__in", "__lt", "__contains", "__isnull", "__", "."])
ODD = ["1", "1e400", "2025-01-01", "true", "-id", "count", "text,id", '"a', "\0"]
TEXTS = st.text(max_size=20) | st.sampled_from(ODD)


@given(st.lists(st.tuples(NAMES, SUFFIXES, TEXTS), max_size=4), st.text(max_size=20), st.booleans())
def test_any_query_string_is_a_query_or_the_clients_mistake(
    parts: list[tuple[str, str, str]], rest: str, is_encoded: bool
) -> None:
    pairs = [(name + suffix, text.encode(errors="replace")) for name, suffix, text in parts]
    text = urlencode(pairs) if is_encoded else "&".join(f"{name}{suffix}={text}" for name, suffix, text in parts) + rest
    for parse in (parse_query, parse_aggregate):
        try:
            query = parse(DATASET, text)
        except (InvalidParameterProblem, UnknownParameterProblem) as problem:
            orjson.dumps(problem.body())
        else:
            assert parse(DATASET, query.encode()) == query


@given(st.text() | st.binary().map(lambda content: content.decode("latin-1")))
def test_any_text_as_a_cursor(text: str) -> None:
    with pytest.raises(InvalidParameterProblem) as caught:
        parse_query(DATASET, "cursor=" + quote(text, errors="replace"))
    assert caught.value.members == {"parameter": "cursor"}
