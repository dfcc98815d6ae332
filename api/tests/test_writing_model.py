"""Whatever is written in whatever order, two processes together behave like one dictionary."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from parts import Postgres
from written import EMPTY, house_of_notes, serve

KEYS = st.integers(1, 5)
CODES = st.sampled_from(["a", "b", "ä", ""])
OTHERS = st.fixed_dictionaries(
    {},
    optional={
        "level": st.one_of(st.none(), st.integers(0, 6)),
        "part": st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False).map(lambda value: value + 0.0)),
        "flag": st.one_of(st.none(), st.booleans()),
        "kind": st.sampled_from([None, "a", "c"]),
        "extra": st.one_of(st.none(), st.dictionaries(st.sampled_from("xy"), st.integers(0, 2))),
    },
)
type Row = dict[str, Any]


def is_valid(row: Row) -> bool:
    return row.get("level") in (None, 1, 2, 3, 4, 5) and row.get("kind") in (None, "a", "b")


def patched(row: Row, patch: Row) -> Row:
    """Return the row changed by a JSON Merge Patch."""
    new = row | patch
    if isinstance(patch.get("extra"), dict):
        new["extra"] = (row["extra"] or {}) | patch["extra"]
    return new


@contextmanager
def two_processes(postgres: Postgres, factory: pytest.TempPathFactory) -> Iterator[list[httpx.Client]]:
    house = house_of_notes(postgres, factory.mktemp("datasets"))
    with serve(house) as one, serve(house) as other:
        yield [one.public, other.public]


def test_a_dictionary(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> None:
    with two_processes(postgres, tmp_path_factory) as clients:

        class Machine(RuleBasedStateMachine):
            def __init__(self) -> None:
                super().__init__()
                for row in clients[0].get("/notes").json()["data"]:
                    clients[0].delete(f"/notes/{row['id']}")
                self.rows: dict[int, Row] = {}
                self.tags: dict[int, list[str]] = {}
                self.turn = 0

            def ask(self, method: str, path: str, body: Row | None = None, **headers: str) -> httpx.Response:
                self.turn += 1
                answer = clients[self.turn % 2].request(method, path, json=body, headers=headers)
                assert answer.status_code < 500
                return answer

            def expected(self, key: int | None, row: Row, success: int) -> int:
                if not is_valid(row):
                    return 422
                taken = any(other["code"] == row["code"] for number, other in self.rows.items() if number != key)
                return 409 if taken else success

            def keep(self, answer: httpx.Response, row: Row) -> None:
                number = answer.json()["data"]["id"]
                self.rows[number] = EMPTY | row | {"id": number}
                assert answer.json()["data"] == self.rows[number]
                self.tags.setdefault(number, []).append(answer.headers["ETag"])

            @rule(code=CODES, others=OTHERS)
            def create(self, code: str, others: Row) -> None:
                row = {"code": code} | others
                answer = self.ask("POST", "/notes", row)
                assert answer.status_code == self.expected(None, row, 201)
                if answer.status_code == 201:
                    assert answer.json()["data"]["id"] not in self.rows
                    self.keep(answer, row)

            @rule(key=KEYS, code=CODES, others=OTHERS)
            def replace(self, key: int, code: str, others: Row) -> None:
                row = {"code": code} | others
                answer = self.ask("PUT", f"/notes/{key}", row)
                assert answer.status_code == self.expected(key, row, 200 if key in self.rows else 201)
                if answer.is_success:
                    self.keep(answer, row)

            @rule(key=KEYS, patch=OTHERS, code=st.one_of(st.none(), CODES))
            def change(self, key: int, patch: Row, code: str | None) -> None:
                patch = patch | ({"code": code} if code is not None else {})
                answer = self.ask("PATCH", f"/notes/{key}", patch)
                if key not in self.rows:
                    assert answer.status_code == 404
                    return
                row = patched(self.rows[key], patch)
                assert answer.status_code == self.expected(key, row, 200)
                if answer.is_success:
                    self.keep(answer, row)

            @rule(key=KEYS, place=st.integers(0, 5))
            def change_if_it_is_still_the_same(self, key: int, place: int) -> None:
                known = self.tags.get(key, [])
                if key not in self.rows or place >= len(known):
                    return
                answer = self.ask("PATCH", f"/notes/{key}", {"level": 1}, **{"If-Match": known[-1 - place]})
                assert answer.status_code == (200 if place == 0 else 412)
                if answer.is_success:
                    self.keep(answer, self.rows[key] | {"level": 1})

            @rule(key=KEYS)
            def delete(self, key: int) -> None:
                answer = self.ask("DELETE", f"/notes/{key}")
                assert answer.status_code == (204 if key in self.rows else 404)
                self.rows.pop(key, None)
                # None of its tags is the one of a row that comes after it.
                self.tags.setdefault(key, []).append("gone")

            @invariant()
            def both_have_the_same(self) -> None:
                page = self.ask("GET", "/notes").json()
                assert page["data"] == [self.rows[key] for key in sorted(self.rows)]
                assert page["meta"]["total"] == len(self.rows)

        run_state_machine_as_test(Machine, settings=settings(stateful_step_count=20))
