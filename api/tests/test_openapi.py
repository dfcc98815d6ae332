"""/openapi.json: valid, complete, and cheap. Whether answers are as it says is asked by Schemathesis."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from columns import dataset
from house import House, Served, make_house
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from parts import Postgres, wait_until
from rowhouse.choice import FORMATS
from rowhouse.dataset import Column, ColumnType, Point
from rowhouse.grouping import Function
from rowhouse.jsontext import dump
from rowhouse.openapi import parameters
from rowhouse.openapi.document import document
from rowhouse.parameters import AGGREGATE_PARAMETERS, COLLECTION_PARAMETERS
from rowhouse.problems import Problem
from rowhouse.query import DEFAULT_LIMIT, MAXIMUM_LIMIT, Operator, filter_parameter, operators_of
from table import YML, as_csv, make_rows
from test_resources import answers, assert_problem

PLACES_YML = """\
title: Places
description: Invented ones
source: Nobody
file: places.csv
key: name
point: {longitude: east, latitude: north}
columns:
  name: {type: text}
  east: {type: number, unit: degrees, minimum: -180, maximum: 180, description: Longitude}
  north: {type: number, unit: degrees, minimum: -90, maximum: 90}
"""
PLACES = 'name,east,north\n"a/b, ""c""",1.5,2\nb,,\n'
TEXTS_YML = "title: T\nfile: t.csv\nkey: id\ncolumns: {id: {type: integer}, name: {type: text}}\n"
EAST = Column(name="east", type=ColumnType.NUMBER)
NORTH = Column(name="north", type=ColumnType.NUMBER)

type Document = dict[str, Any]


def parsed(*datasets: Any) -> Document:
    """Return the document of these datasets, without rows."""
    made: Document = json.loads(dump(document(datasets, {})))
    return made


def nodes(node: Any) -> Iterator[Document]:
    """Yield every object in a document."""
    if isinstance(node, dict):
        yield node
    if isinstance(node, dict | list):
        for item in node.values() if isinstance(node, dict) else node:
            yield from nodes(item)


def resolved(whole: Document, node: Document) -> Document:
    """Return what a reference leads to."""
    for part in node["$ref"].split("/")[1:] if "$ref" in node else ():
        whole = whole[part]
    return whole if "$ref" in node else node


def check(whole: Document) -> None:
    """See that the document is one, and that each example is what its schema says."""
    OpenAPIV31SpecValidator(whole).validate()
    identifiers = [node["operationId"] for path in whole["paths"].values() for node in path.values()]
    assert len(identifiers) == len(set(identifiers))
    tags = [tag["name"] for tag in whole["tags"]]
    assert len(tags) == len(set(tags))
    found = [node for node in nodes(whole) if "example" in node]
    assert found
    for node in found:
        schema = {"components": whole["components"], "allOf": [node["schema"]]}
        Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(node["example"])


@pytest.fixture(scope="module")
def house(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> House:
    house = make_house(postgres, tmp_path_factory.mktemp("datasets"))
    house.put(as_csv(make_rows()), yml=YML, name="rows")
    house.put(PLACES, yml=PLACES_YML, name="places")
    house.load()
    return house


@pytest.fixture(scope="module")
def served(house: House) -> Iterator[Served]:
    with house.serve({"WORKERS": "1"}) as served:
        yield served


@pytest.fixture(scope="module")
def described(served: Served) -> Document:
    found: Document = json.loads(served.public.get("/openapi.json").text)
    return found


def test_it_is_valid_and_so_are_its_examples(described: Document) -> None:
    check(described)


@pytest.mark.parametrize("key_type", [ColumnType.INTEGER, ColumnType.TEXT, ColumnType.DATE])
def test_it_is_valid_without_rows(key_type: ColumnType) -> None:
    full = dataset(key_type)
    mapped = replace(
        full, name="map", columns=(*full.columns, EAST, NORTH), filters=(EAST, NORTH), point=Point(EAST, NORTH)
    )
    whole = parsed(full, mapped)
    check(whole)
    assert not [node for node in nodes(whole) if "example" in node and "in" not in node]


def test_names_that_are_alike_stay_apart() -> None:
    full = dataset()
    one = replace(full, columns=(full.key, full.filters[0]), filters=full.filters[:1])
    # They would be the same if parts of them were simply put together.
    names = [f"t_{end}" for end in ("row", "page", "aggregate", "csv", "group", "limit")]
    check(parsed(full, *(replace(one, name=name) for name in (*names, "limit", "cursor", "service"))))


@pytest.mark.parametrize("path", ["rows", "places"])
def test_examples_are_what_is_there(served: Served, described: Document, path: str) -> None:
    for suffix in ("", ".json", ".csv", ".ndjson", ".geojson"):
        if f"/{path}{suffix}" not in described["paths"]:
            assert (path, suffix) == ("rows", ".geojson")
            continue
        content = described["paths"][f"/{path}{suffix}"]["get"]["responses"]["200"]["content"]
        answer = served.public.get(f"/{path}{suffix}", params={"limit": 2})
        example = content[answer.headers["Content-Type"].partition(";")[0]]["example"]
        if suffix == ".ndjson":
            # A number may be spelt otherwise.
            assert [*map(json.loads, example.splitlines())] == [*map(json.loads, answer.text.splitlines())]
        else:
            assert example == (answer.text if isinstance(example, str) else json.loads(answer.text))
    page = described["paths"][f"/{path}"]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    key = page["data"][0]["id" if path == "rows" else "name"]
    single = described["paths"][f"/{path}/{{key}}"]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    assert (single["data"], single["meta"]) == (page["data"][0], {k: page["meta"][k] for k in single["meta"]})
    if path == "rows":
        assert json.loads(served.public.get(f"/rows/{key}").text) == single
    groups = described["paths"][f"/{path}/aggregate"]["get"]["responses"]["200"]["content"]["application/json"]
    assert json.loads(served.public.get(f"/{path}/aggregate?limit=1").text) == groups["example"]


def test_columns_are_told_with_types_rules_and_units(described: Document) -> None:
    places = described["components"]["schemas"]["places.row"]
    assert places["properties"]["east"] == {
        "type": ["number", "null"],
        "minimum": -180,
        "maximum": 180,
        "x-unit": "degrees",
        "description": "Longitude, in degrees",
    }
    assert places["properties"]["name"]["type"] == "string"
    tag = {tag["name"]: tag.get("description") for tag in described["tags"]}["places"]
    assert tag == "**Places**\n\nInvented ones\n\nSource: Nobody"


def parameters_of(whole: Document, path: str) -> dict[str, Document]:
    found = [resolved(whole, node) for node in whole["paths"][path]["get"]["parameters"]]
    return {node["name"]: node for node in found if node["in"] == "query"}


def test_there_is_each_parameter_that_is_read_and_no_other() -> None:
    table = dataset()
    filters = {
        filter_parameter(column, operator)
        for column in (table.key, *table.filters)
        for operator in operators_of(column)
    }
    whole = parsed(table)
    for form in ("", *(f".{form.name}" for form in FORMATS if form.name != "geojson")):
        assert parameters_of(whole, f"/t{form}").keys() == {*COLLECTION_PARAMETERS, *filters}
        assert parameters_of(whole, f"/t/aggregate{form}").keys() == {*AGGREGATE_PARAMETERS, *filters}
    assert parameters_of(whole, "/t.json")["limit"]["schema"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": MAXIMUM_LIMIT,
        "default": DEFAULT_LIMIT,
    }
    assert "default" not in parameters_of(whole, "/t.csv")["limit"]["schema"]


def test_a_parameter_that_nobody_described_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameters, "COLLECTION_PARAMETERS", (*COLLECTION_PARAMETERS, "new"))
    with pytest.raises(KeyError, match="new"):
        document([dataset()], {})


def test_each_operator_and_function_has_its_meaning_in_it() -> None:
    whole = parsed(dataset())
    found = parameters_of(whole, "/t")
    for operator in Operator:
        assert re.fullmatch(r"[a-z].{8,}", operator.meaning)
        assert operator.meaning in found[filter_parameter(dataset().filters[2], operator)]["description"]
    select = parameters_of(whole, "/t/aggregate")["select"]["description"]
    assert all(f"`{function}.COLUMN`: {function.meaning}" in select for function in Function)


@pytest.mark.parametrize("key_type", [ColumnType.INTEGER, ColumnType.TEXT, ColumnType.DATE])
def test_what_writes_is_valid_and_there_only_where_something_can_be_written(key_type: ColumnType) -> None:
    whole = parsed(dataset(), replace(dataset(key_type), name="written", writable=True))
    check(whole)
    assert whole["paths"]["/written"].keys() == {"get", "post"}
    assert whole["paths"]["/written/{key}"].keys() == {"get", "put", "patch", "delete"}
    for path, node in whole["paths"].items():
        assert path.startswith("/written") or path == "/api/upload-random" or node.keys() == {"get"}
    required = whole["components"]["schemas"]["written.new"]["required"]
    assert required == ([] if key_type is ColumnType.INTEGER else ["id"])


def test_each_kind_of_problem_is_in_a_response_that_refers_to_it() -> None:
    whole = parsed(replace(dataset(), private=True), replace(dataset(), name="written", writable=True))
    responses = whole["components"]["responses"]
    contents = [node.get("content", {}).get("application/problem+json") for node in responses.values()]
    schemas = [content["schema"] for content in contents if content]
    told = {kind for schema in schemas for kind in schema["allOf"][1]["properties"]["type"]["enum"]}
    kinds = list(Problem.kinds())
    assert told == {kind.type_uri() for kind in kinds}
    assert len({(kind.name, kind.title) for kind in kinds}) == len(told)
    assert {"name"} <= set.intersection(*({*vars(kind)} for kind in kinds))


def test_what_the_client_has_is_not_sent_again_and_neither_cache_nor_database_asked(house: House) -> None:
    with house.serve({"WORKERS": "1"}) as served:
        first = served.public.get("/openapi.json")
        assert first.headers["Cache-Control"] == "public, no-cache"
        assert first.headers["Link"].startswith("</docs>")
        assert served.public.get("/openapi.json").headers["X-Cache"] == "hit"
        with house.connect() as holder:
            holder.cursor().execute("LOCK rows_v2")
            for listed in (first.headers["ETag"], "*"):
                answer = served.public.get("/openapi.json", headers={"If-None-Match": listed})
                assert (answer.status_code, answer.content) == (304, b"")
                assert answer.headers["ETag"] == first.headers["ETag"]
        holder.close()


def test_it_follows_the_data(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> None:
    house = make_house(postgres, tmp_path_factory.mktemp("datasets"))
    house.put_stations(1)
    with house.serve({"WORKERS": "1"}, until_ready=False) as served:
        wait_until(lambda: answers(served), "the server")
        before = served.public.get("/openapi.json")
        check(before.json())
        assert '"Station 1"' not in before.text
        house.load()
        wait_until(lambda: '"Station 1"' in served.public.get("/openapi.json").text, "the rows")
        assert served.public.get("/openapi.json").headers["ETag"] != before.headers["ETag"]


def test_without_postgresql_it_has_the_last_rows_or_none(house: House, postgres: Postgres) -> None:
    with house.serve({"WORKERS": "1"}) as asked, house.serve({"WORKERS": "1"}) as fresh:
        known = asked.public.get("/openapi.json")
        postgres.stop()
        try:
            for served in (asked, fresh):
                wait_until(lambda: served.public.get("/health").status_code == 503, "the loss")  # noqa: B023 - called at once
            assert asked.public.get("/openapi.json").content == known.content
            bare = fresh.public.get("/openapi.json")
            assert bare.status_code == 200
            check(bare.json())
            assert bare.headers["ETag"] != known.headers["ETag"]
        finally:
            postgres.start()
        wait_until(lambda: fresh.public.get("/openapi.json").content == known.content, "the rows again")


def test_rows_that_are_too_large_are_left_out(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> None:
    house = make_house(postgres, tmp_path_factory.mktemp("datasets"))
    house.put("id,name\n1," + "x" * 100_000 + "\n", yml=TEXTS_YML, name="texts")
    house.load()
    with house.serve({"WORKERS": "1"}) as served:
        answer = served.public.get("/openapi.json")
    assert "xxx" not in answer.text
    check(answer.json())


def test_the_command_says_the_same_without_rows_and_without_settings(house: House) -> None:
    done = house.run("openapi", str(house.folder))
    assert (done.returncode, done.stderr) == (0, "")
    whole = json.loads(done.stdout)
    check(whole)
    assert whole == json.loads(dump(document(house.datasets, {})))
    assert "FOLDER" in house.run("openapi", "--help").stdout


def test_a_client_that_takes_no_coding(served: Served) -> None:
    answer = served.public.get("/openapi.json", headers={"Accept-Encoding": "br, *;q=0"})
    assert_problem(answer, 406, "not-acceptable")
