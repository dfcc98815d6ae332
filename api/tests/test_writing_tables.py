"""The table of a writable dataset: how a load makes it, changes it, and what it refuses."""

import pytest
from house import House
from parts import wait_until
from rowhouse.errors import LoadError
from test_resources import answers, assert_problem
from written import add, rows, serve

YML = """\
title: People
writable: true
key: id
filters: [name]
columns:
  id: {type: integer}
  name: {type: text, required: true}
  age: {type: integer, minimum: 0}
"""


@pytest.fixture
def people(house: House) -> House:
    """A house with three people who were written."""
    house.let_reader_read()
    house.put(yml=YML, name="people")
    house.load()
    house.sql(
        "INSERT INTO people_rows VALUES (1, 'Ann', 30, 0, now()), (2, 'Bob', NULL, 0, now()), (3, 'Ann', 7, 0, now())"
    )
    house.load()
    return house


def change(house: House, *changes: tuple[str, str]) -> None:
    """Change dataset.yml and load it."""
    yml = (house.folder / "people" / "dataset.yml").read_text()
    for old, new in changes:
        assert old in yml
        yml = yml.replace(old, new)
    house.put(yml=yml, name="people")
    house.load()


def kept(house: House) -> list[tuple[object, ...]]:
    return house.sql("SELECT id, name, age FROM people_rows ORDER BY id")


PEOPLE = [(1, "Ann", 30), (2, "Bob", None), (3, "Ann", 7)]


def test_a_load_touches_no_row_and_sees_what_sql_has_written(people: House) -> None:
    before = people.sql("SELECT * FROM people_rows ORDER BY id")
    state = people.sql("SELECT revision, rows, changed_at FROM dataset_state")
    assert state[0][1] == 3
    people.load()
    assert people.sql("SELECT * FROM people_rows ORDER BY id") == before
    assert people.sql("SELECT revision, rows, changed_at FROM dataset_state") == state
    people.sql("DELETE FROM people_rows WHERE id = 2")
    people.load()
    ((revision, count),) = people.sql("SELECT revision, rows FROM dataset_state")
    assert (count, revision) == (2, int(str(state[0][0])) + 1)


@pytest.mark.parametrize(
    "changes",
    [
        [("  age:", "  nick: {type: text, unique: true, pattern: '[a-z]+'}\n  age:")],
        [("[name]", "[name, age]")],
        [("[name]", "[]")],
        [("minimum: 0", "maximum: 30")],
        [("integer, minimum: 0", "integer, unique: true")],
        [("age: {type: integer, minimum: 0}", "age: {type: integer}")],
        [("text, required: true", "text")],
        [("text, required: true", "text, required: true, enum: [Ann, Bob]")],
        [("title: People", "title: Persons")],
    ],
)
def test_what_no_row_stands_against_is_done_and_undone(people: House, changes: list[tuple[str, str]]) -> None:
    before = layout(people)
    change(people, *changes)
    assert kept(people) == PEOPLE
    with serve(people) as served:
        assert [row["name"] for row in rows(served.public, "/people")] == ["Ann", "Bob", "Ann"]
        assert add(served.public, "/people", name="Ann")["id"] == 4
        assert served.public.delete("/people/4").status_code == 204
    change(people, *((new, old) for old, new in changes))
    assert kept(people) == PEOPLE
    left = layout(people)
    # A column that is no longer described stays, for those who still describe it.
    assert [line for line in left if "nick" not in line] == before


def layout(house: House) -> list[str]:
    """Return columns, constraints and indexes of the table, a line each."""
    queries = (
        "SELECT attname || attnotnull FROM pg_attribute WHERE attrelid = 'people_rows'::regclass AND attnum > 0",
        "SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'people_rows'::regclass",
        "SELECT indexdef FROM pg_indexes WHERE tablename = 'people_rows' AND schemaname = current_schema",
    )
    return sorted(str(line) for query in queries for (line,) in house.sql(query))


@pytest.mark.parametrize(
    ("old", "new", "said", "remedy"),
    [
        (
            "age: {type: integer, minimum: 0}",
            "age: {type: text}",
            'columns.age.type: would become text COLLATE "C" from bigint, but 2 rows have a value in it',
            'ALTER TABLE {table} DROP CONSTRAINT {check}, ALTER COLUMN age TYPE text COLLATE "C" USING age::text',
        ),
        (
            "  age: {type: integer, minimum: 0}\n",
            "",
            "columns.age: is not in dataset.yml any more, but 2 rows have a value in it",
            "UPDATE {table} SET age = NULL",
        ),
        (
            "  age:",
            "  mail: {type: text, required: true}\n  age:",
            "columns.mail: is new and required, but 3 rows have no value for it",
            "",
        ),
        (
            "integer, minimum: 0",
            "integer, required: true",
            "columns.age.required: 1 row has no value",
            "UPDATE {table} SET age = 1 WHERE age IS NULL",
        ),
        (
            "integer, minimum: 0",
            "integer, minimum: 10",
            "columns.age: 1 row has a value that is less than the minimum 10",
            "UPDATE {table} SET age = 10 WHERE id IN (SELECT id FROM {table} WHERE age < 10)",
        ),
        (
            "text, required: true",
            "text, required: true, unique: true",
            "columns.name.unique: 2 rows have the value of another row",
            "UPDATE {table} SET name = 'Ann 3' WHERE id = 3",
        ),
        (
            "key: id",
            "key: name",
            "key: would become name, but 3 rows have another",
            "ALTER TABLE {table} DROP CONSTRAINT {key}; UPDATE {table} SET name = 'Ann 3' WHERE id = 3",
        ),
    ],
)
def test_what_would_break_rows_is_refused_until_they_are_migrated(
    people: House, old: str, new: str, said: str, remedy: str
) -> None:
    before = layout(people)
    with pytest.raises(LoadError) as caught:
        change(people, (old, new))
    assert "rows that were written are in the way. Nothing was changed." in str(caught.value)
    assert said in str(caught.value)
    assert (kept(people), layout(people)) == (PEOPLE, before)
    if remedy:
        ((key,),) = people.sql(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'people_rows'::regclass AND contype = 'p'"
        )
        ((check,),) = people.sql(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'people_rows'::regclass AND contype = 'c' "
            "AND pg_get_constraintdef(oid) LIKE '%age%'"
        )
        statements = remedy.format(table=f"{people.schema}.people_rows", key=key, check=check)
        people.sql(statements)
        first = statements.partition(";")[0]
        if "WHERE id" not in first and "= 1 " not in first:
            # It is the one that was advised.
            assert first in str(caught.value)
        people.load()
        with serve(people) as served:
            assert len(rows(served.public, "/people")) == 3


def test_all_that_is_in_the_way_is_said_at_once_and_by_the_command(people: House) -> None:
    yml = YML.replace("minimum: 0", "minimum: 10, required: true").replace("text, required: true", "boolean")
    people.put(yml=yml, name="people")
    done = people.run("load")
    assert done.returncode == 65
    assert done.stderr.count("columns.") == 3
    assert f"SELECT id FROM {people.schema}.people_rows WHERE age < 10" in done.stderr


def test_an_empty_table_can_become_anything(house: House) -> None:
    house.let_reader_read()
    house.put(yml=YML, name="people")
    house.load()
    change(
        house,
        ("key: id", "key: name"),
        ("age: {type: integer, minimum: 0}", "age: {type: date, required: true}\n  mail: {type: text, required: true}"),
        ("  id: {type: integer}\n", ""),
    )
    with serve(house) as served:
        row = {"name": "Ann", "age": "2025-01-01", "mail": "a@example.org"}
        assert add(served.public, "/people", **row) == row


def test_pods_of_the_older_description_go_on(people: House) -> None:
    with serve(people) as old:
        change(people, ("  age:", "  nick: {type: text}\n  age:"), ("minimum: 0", "minimum: 0, maximum: 99"))
        with serve(people) as new:
            assert add(new.public, "/people", name="Cid", nick="c")["nick"] == "c"
            assert rows(old.public, "/people")[3] == {"id": 4, "name": "Cid", "age": None}
            assert add(old.public, "/people", name="Dan")["id"] == 5
            # What it does not know, it does not touch.
            assert old.public.put("/people/4", json={"name": "Cyd"}).status_code == 200
            assert new.public.get("/people/4").json()["data"] == {"id": 4, "name": "Cyd", "nick": "c", "age": None}
            # The newer rule holds for all.
            assert_problem(old.public.patch("/people/4", json={"age": 100}), 503, "unavailable")
            assert_problem(new.public.patch("/people/4", json={"age": 100}), 422, "invalid-row")


def test_pods_of_a_newer_description_wait_for_the_load(people: House) -> None:
    yml = YML.replace("  age:", "  nick: {type: text}\n  age:")
    people.put(yml=yml, name="people")
    with serve(people, until_ready=False) as served:
        wait_until(lambda: answers(served), "the server")
        wait_until(lambda: served.public.get("/health").status_code == 503, "the first look")
        assert "was not made yet" in assert_problem(served.public.get("/people"), 503, "unavailable")["detail"]
        assert_problem(served.public.post("/people", json={"name": "Cid"}), 503, "unavailable")
        people.load()
        wait_until(served.is_ready, "ready after the load")
        assert add(served.public, "/people", name="Cid", nick="c")["id"] == 4
