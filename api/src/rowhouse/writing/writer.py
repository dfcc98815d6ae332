"""Writes rows of one dataset: each request is one transaction, which begins with locking the dataset's state.

So writes of a dataset follow one another, whichever process they come from, and whoever sees a revision sees all that
was written before it. A request that is refused, cancelled or cut off is written as a whole or not at all.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
import psycopg2
from psycopg2 import errors
from sqlalchemy import Dialect

from rowhouse.catalog import Catalog
from rowhouse.dataset import ColumnType, Dataset
from rowhouse.errors import DatabaseUnavailableError, NotLoadedError, VersionGoneError
from rowhouse.link import Execute, Link
from rowhouse.problems import RowNotFoundProblem
from rowhouse.values import INTEGER_RANGE, Value, format_value, missing_row, show
from rowhouse.versions import Version
from rowhouse.writing.constraints import key_name, unique_names
from rowhouse.writing.idempotency import Answer, Answers, KeyedRequest, in_use
from rowhouse.writing.judging import Judge
from rowhouse.writing.problems import ConflictProblem, InvalidRowProblem
from rowhouse.writing.reading import WrittenRow, written_row
from rowhouse.writing.rows import Values, merge, write_json
from rowhouse.writing.tags import Preconditions, state_of_row, state_of_rows
from rowhouse.writing.wording import Wording

# A process that stands still must not keep all others from writing; nor may a load, for longer than clients wait.
_BEGIN = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '5s'; SET LOCAL lock_timeout = '3s'"


@dataclass(frozen=True)
class _State:
    """The dataset before a write: what `Catalog.states` has of it."""

    revision: int
    rows: int
    last_key: int
    changed_at: datetime


type _Work = Callable[[Execute, _State], tuple[WrittenRow, Answer]]


class Writer:
    """Writes the rows of one dataset.

    Each method raises:
        InvalidRowProblem: Naming each member that is wrong.
        ConflictProblem: Naming the column whose value another row has.
        RowNotFoundProblem: No row has the key.
        PreconditionFailedProblem: The state is not the one that was asked for.
        IdempotencyKeyInUseProblem, IdempotencyKeyReusedProblem: See `Answers`.
        NotLoadedError: The table was not made yet.
        DatabaseUnavailableError: PostgreSQL is away or gave up.
    """

    def __init__(self, link: Link, catalog: Catalog, dataset: Dataset, dialect: Dialect) -> None:
        """Take the way to PostgreSQL, and what is written."""
        self._link = link
        self._dataset = dataset
        self._answers = Answers(catalog, dataset, dialect)
        self._judge = Judge(dataset, dialect)
        self._wording = Wording(catalog, dataset, dialect)
        self._update_text = lru_cache(maxsize=256)(self._wording.update)
        # They would only wait for each other in PostgreSQL, each in a thread that others could use.
        self._turn = asyncio.Lock()
        self._under_way: set[str] = set()

    async def create(self, values: Values, conditions: Preconditions, request: KeyedRequest | None) -> Answer:
        """Add a row; when its key is missing, an integer, it is given the next one."""

        def work(execute: Execute, state: _State) -> tuple[WrittenRow, Answer]:
            now = Version(state.revision, state.rows, state.changed_at)
            conditions.check(state_of_rows(self._dataset, now))
            name = self._dataset.key.name
            whole = values if name in values else values | {name: self._next_key(execute, state)}
            return self._insert(execute, state, whole)

        return await self._once(work, request)

    async def replace(
        self, key: Value, values: Values, conditions: Preconditions, request: KeyedRequest | None
    ) -> Answer:
        """Put a row in the place of the one with this key, or where none is."""

        def work(execute: Execute, state: _State) -> tuple[WrittenRow, Answer]:
            current = self._find(execute, key)
            conditions.check(state_of_row(self._dataset, current) if current else None)
            if current:
                return self._update(execute, state, key, values)
            return self._insert(execute, state, values)

        return await self._once(work, request)

    async def change(
        self, key: Value, patch: Values, conditions: Preconditions, request: KeyedRequest | None
    ) -> Answer:
        """Change some columns of the row with this key, by a JSON Merge Patch (RFC 7396)."""

        def work(execute: Execute, state: _State) -> tuple[WrittenRow, Answer]:
            current = self._existing(execute, key)
            conditions.check(state_of_row(self._dataset, current))
            values = dict(patch)
            before = orjson.loads(current.data)
            for column in self._dataset.columns:
                if column.type is ColumnType.JSON and values.get(column.name) is not None:
                    values[column.name] = write_json(merge(before[column.name], values[column.name]))
            return self._update(execute, state, key, values)

        return await self._once(work, request)

    async def delete(self, key: Value, conditions: Preconditions, request: KeyedRequest | None) -> Answer:
        """Remove the row with this key."""

        def work(execute: Execute, state: _State) -> tuple[WrittenRow, Answer]:
            current = self._existing(execute, key)
            conditions.check(state_of_row(self._dataset, current))
            moved = self._move(execute, state, rows=-1)
            execute(self._wording.delete, {"key": key})
            return WrittenRow(key, b"", *moved), Answer(None)

        return await self._once(work, request)

    async def _once(self, work: _Work, request: KeyedRequest | None) -> Answer:
        """Do the work in a transaction, unless the request is a repetition."""

        def transaction(execute: Execute) -> Answer:
            if request and (known := self._answers.find(execute, request)):
                return known
            row, answer = work(execute, self._lock(execute))
            if request:
                self._answers.keep(execute, request, row, answer)
            return answer

        if request and request.digest in self._under_way:
            raise in_use()
        marks = {request.digest} if request else set()
        self._under_way |= marks
        try:
            async with self._turn:
                return await self._link.ask(self._link.transact, _BEGIN, transaction)
        except VersionGoneError as error:
            raise self._not_loaded() from error
        finally:
            self._under_way -= marks

    def _lock(self, execute: Execute) -> _State:
        """Return the state, which nobody else changes until the transaction's end."""
        facts = {"dataset": self._dataset.name, "schema_hash": self._dataset.schema_hash}
        rows = execute(self._wording.lock, facts)
        if not rows:
            raise self._not_loaded()
        return _State(*rows[0])

    def _move(self, execute: Execute, state: _State, *, rows: int, last_key: int = 0) -> tuple[int, datetime]:
        """Go on to the next revision; returns its number and time."""
        facts = {
            "own": self._dataset.name,
            "new_revision": state.revision + 1,
            "new_rows": state.rows + rows,
            "new_last_key": max(state.last_key, last_key),
        }
        ((revision, changed_at),) = execute(self._wording.move, facts)
        return revision, changed_at

    def _next_key(self, execute: Execute, state: _State) -> int:
        key = self._dataset.key
        # Somebody may have added rows by SQL.
        ((greatest,),) = execute(self._wording.greatest_key, {})
        least = int(key.minimum) - 1 if isinstance(key.minimum, int) else 0
        number = max(state.last_key, greatest or 0, least) + 1
        if number > INTEGER_RANGE[1]:
            raise InvalidRowProblem({key.name: "must be given: there is no greater one than those that were used"})
        return number

    def _find(self, execute: Execute, key: Value) -> WrittenRow | None:
        rows = execute(self._wording.find, {"key": key})
        return written_row(self._dataset, rows[0]) if rows else None

    def _existing(self, execute: Execute, key: Value) -> WrittenRow:
        current = self._find(execute, key)
        if current is None:
            raise RowNotFoundProblem(missing_row(self._dataset, key))
        return current

    def _insert(self, execute: Execute, state: _State, values: Values) -> tuple[WrittenRow, Answer]:
        key = values[self._dataset.key.name]
        self._judge.judge(execute, values)
        revision, changed_at = self._move(execute, state, rows=1, last_key=key if isinstance(key, int) else 0)
        row = self._store(execute, self._wording.insert, values, revision, changed_at)
        return row, Answer(row, is_created=True)

    def _update(self, execute: Execute, state: _State, key: Value, values: Values) -> tuple[WrittenRow, Answer]:
        self._judge.judge(execute, values)
        revision, changed_at = self._move(execute, state, rows=0)
        names = tuple(name for name in values if name != self._dataset.key.name)
        row = self._store(
            execute, self._update_text(names), values | {self._dataset.key.name: key}, revision, changed_at
        )
        return row, Answer(row)

    def _store(
        self, execute: Execute, statement: str, values: Values, revision: int, changed_at: datetime
    ) -> WrittenRow:
        facts = self._wording.parameters(values) | {"new_revision": revision, "new_changed_at": changed_at}
        try:
            (row,) = execute(statement, facts)
        except errors.UniqueViolation as error:
            raise self._conflict(error, values) from error
        except psycopg2.IntegrityError as error:
            # A load has brought rules that this program does not know yet.
            raise DatabaseUnavailableError(str(error)) from error
        except (psycopg2.DataError, errors.ProgramLimitExceeded) as error:
            raise InvalidRowProblem({"row": "cannot be stored by PostgreSQL"}) from error
        return written_row(self._dataset, row)

    def _conflict(self, error: psycopg2.Error, values: Mapping[str, Any]) -> ConflictProblem:
        columns = unique_names(self._dataset) | {key_name(self._dataset): self._dataset.key}
        column = columns.get(error.diag.constraint_name or "")
        if column is None:
            return ConflictProblem("Another row has a value that no two may have. Nothing was changed.")
        value = show(format_value(values[column.name]))
        return ConflictProblem(
            f"There is a row already whose {column.name} is {value}. Nothing was changed.", column=column.name
        )

    def _not_loaded(self) -> NotLoadedError:
        return NotLoadedError(f"the table of {self._dataset.name} was not made yet")
