"""Brings the table of a writable dataset to what dataset.yml says, and never at the cost of a row that was written.

What no row stands against is done, in the caller's transaction. What would lose a value, or what rows break, is refused
as a whole, with the number of rows in the way and with what to do. Pods of an older dataset.yml go on working: a column
that is no longer described stays, without being required.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, func, null, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.schema import CreateTable

from rowhouse.catalog import SQL_TYPES, Catalog
from rowhouse.dataset import Column, ColumnType, Dataset
from rowhouse.errors import LoadError
from rowhouse.rules import Terms
from rowhouse.writing.constraints import Check, checks, index_names, key_name, unique_names
from rowhouse.writing.obstacles import Obstacles

# Longer, and requests that wait behind it would time out.
_LOCK_TIMEOUT_MS = 3000


class Fitting:
    """One dataset's table, inside a transaction that nobody else has open for it."""

    def __init__(self, connection: Connection, catalog: Catalog, dataset: Dataset, api_user: str) -> None:
        """Take the connection of the open transaction, and the role that is to write."""
        self._connection = connection
        self._catalog = catalog
        self._dataset = dataset
        self._api_user = api_user
        self._table = catalog.written(dataset)
        self._prepare = connection.dialect.identifier_preparer
        self._quote = self._prepare.quote
        self._name = self._prepare.format_table(self._table)

    def run(self) -> int:
        """Make the table, or change it, and let the API write it; returns the number of its rows.

        Raises:
            LoadError: Rows are in the way of what dataset.yml says, or there is no role to write them.
        """
        self._do(f"SET LOCAL lock_timeout = {_LOCK_TIMEOUT_MS}")
        state = self._hold_writers()
        columns = self._columns()
        if not columns:
            self._connection.execute(CreateTable(self._table))
            columns = self._columns()
        has_changed = self._fit(columns)
        rows = self._keep_state(state, has_changed=has_changed)
        self._grant()
        return rows

    def _hold_writers(self) -> Row[Any]:
        """Return the state, locked; every write begins with locking it."""
        states = self._catalog.states
        facts = {"dataset": self._dataset.name, "schema_hashes": []}
        self._connection.execute(insert(states).values(facts).on_conflict_do_nothing())
        own = select(states).where(states.c.dataset == self._dataset.name)
        return self._connection.execute(own.with_for_update()).one()

    def _fit(self, found: Mapping[str, tuple[str, bool]]) -> bool:
        """Change what differs; returns whether anything did."""
        statements = [*self._changes(found)]
        for statement, values in statements:
            self._do(statement, values)
        return bool(statements)

    def _changes(self, found: Mapping[str, tuple[str, bool]]) -> Iterator[tuple[str, Mapping[str, object]]]:
        """Yield the statements, in their order, once nothing stands against any of them.

        Args:
            found: The columns that there are: type, and whether they are required.
        """
        dataset, alter = self._dataset, f"ALTER TABLE {self._name}"
        constraints, indexes = self._constraints(), self._indexes()
        wanted = {check.name: check for check in checks(dataset)}
        uniques, filters = unique_names(dataset), index_names(dataset)
        missing = [check for name, check in wanted.items() if name not in constraints]
        retyped = [c for c in dataset.columns if c.name in found and found[c.name][0] != self._type_name(c)]
        added = [column for column in dataset.columns if column.name not in found]
        gone = [name for name in found if name not in {column.name for column in dataset.columns}]

        obstacles = Obstacles(self._connection, dataset, self._table)
        for column in retyped:
            obstacles.of_type(column, found[column.name][0], self._type_name(column))
        for name in gone:
            obstacles.of_absence(name)
        for column in added:
            obstacles.of_addition(column)
        another = next((name for name, kind in constraints.items() if kind == "p"), None)
        if key_name(dataset) not in constraints and (another or dataset.key not in added):
            obstacles.of_key(another)
        kept = [column for column in dataset.columns if column not in (*retyped, *added)]
        for column in (*kept, *retyped):
            if column.required and not found[column.name][1]:
                obstacles.of_requirement(column)
        for name, column in uniques.items():
            if name not in constraints and column in kept:
                obstacles.of_uniqueness(column)
        for check in missing:
            if check.column in kept:
                obstacles.of_rule(check)
        obstacles.refuse()

        for name in constraints:
            if name not in (key_name(dataset), *uniques, *wanted):
                yield f"{alter} DROP CONSTRAINT {self._quote(name)}", {}
        for name in indexes:
            if name.startswith("filter_") and name not in filters:
                yield f"DROP INDEX {self._prepare.quote(self._catalog.schema)}.{self._quote(name)}", {}
        for name in gone:
            if found[name][1]:
                yield f"{alter} ALTER COLUMN {self._quote(name)} DROP NOT NULL", {}
        for column in retyped:
            kind = self._sql_type(column)
            # Nothing is lost: no row has a value.
            yield (
                f"{alter} ALTER COLUMN {self._quote(column.name)} TYPE {kind} USING NULL::{self._type_name(column)}",
                {},
            )
        for column in added:
            yield f"{alter} ADD COLUMN {self._quote(column.name)} {self._sql_type(column)}", {}
        for column in dataset.columns:
            is_required = column.name in found and found[column.name][1]
            if column.required != is_required:
                verb = "SET" if column.required else "DROP"
                yield f"{alter} ALTER COLUMN {self._quote(column.name)} {verb} NOT NULL", {}
        if key_name(dataset) not in constraints:
            yield self._constraint(key_name(dataset), f"PRIMARY KEY ({self._quote(dataset.key.name)})"), {}
        for name, column in uniques.items():
            if name not in constraints:
                yield self._constraint(name, f"UNIQUE ({self._quote(column.name)})"), {}
        for check in missing:
            yield self._check(check)
        for name, column in filters.items():
            if name not in indexes:
                columns = f"{self._quote(column.name)}, {self._quote(dataset.key.name)}"
                yield f"CREATE INDEX {self._quote(name)} ON {self._name} ({columns})", {}

    def _check(self, check: Check) -> tuple[str, Mapping[str, object]]:
        terms = Terms()
        broken = terms.broken(check.rule, self._quote(check.column.name))
        return self._constraint(check.name, f"CHECK (NOT ({broken}))"), terms.values

    def _constraint(self, name: str, definition: str) -> str:
        return f"ALTER TABLE {self._name} ADD CONSTRAINT {self._quote(name)} {definition}"

    def _keep_state(self, state: Row[Any], *, has_changed: bool) -> int:
        """Count the rows, in case somebody wrote some by SQL, and note that the table serves this dataset.yml."""
        states, dataset = self._catalog.states, self._dataset
        key = self._table.c[dataset.key.name]
        greatest = func.max(key) if dataset.key.type is ColumnType.INTEGER else null()
        rows, last_key = self._connection.execute(select(func.count(), greatest).select_from(self._table)).one()
        values: dict[str, Any] = {"rows": rows, "last_key": max(state.last_key, last_key or 0)}
        others = [schema_hash for schema_hash in state.schema_hashes if schema_hash != dataset.schema_hash]
        # Last is the one that was deployed last: a restore goes by it.
        values["schema_hashes"] = [*others, dataset.schema_hash]
        if others == state.schema_hashes:
            has_changed = True
        if has_changed or rows != state.rows:
            values |= {"revision": state.revision + 1, "changed_at": func.clock_timestamp()}
        self._connection.execute(update(states).where(states.c.dataset == dataset.name).values(values))
        return int(rows)

    def _grant(self) -> None:
        """Let the API's role write the rows, and note what it has written."""
        known = text("SELECT true FROM pg_roles WHERE rolname = :name")
        if not self._connection.scalar(known, {"name": self._api_user}):
            raise LoadError(
                f"dataset {self._dataset.name}: there is no role {self._api_user!r} in PostgreSQL that could write it. "
                "Name the one that the API connects as in ROWHOUSE_DATABASE_API_USER."
            )
        catalog, role = self._catalog, self._quote(self._api_user)
        state, answers = (self._prepare.format_table(table) for table in (catalog.states, catalog.answers))
        for rights, name in (
            ("SELECT, INSERT, UPDATE, DELETE", self._name),
            ("SELECT, UPDATE (revision, rows, last_key, changed_at)", state),
            ("SELECT, INSERT, DELETE", answers),
        ):
            self._do(f"GRANT {rights} ON {name} TO {role}")

    def _columns(self) -> dict[str, tuple[str, bool]]:
        """Return type and whether it is required of each column that dataset.yml could describe; none: no table."""
        found = self._connection.execute(
            text(
                "SELECT attname, attnotnull, "
                "format_type(atttypid, atttypmod) || coalesce(' COLLATE ' || quote_ident(collname), '') "
                "FROM pg_attribute LEFT JOIN pg_collation ON pg_collation.oid = attcollation "
                "WHERE attrelid = to_regclass(:table) AND attnum > 0 AND NOT attisdropped AND NOT attname ^@ '_'"
            ),
            {"table": self._name},
        )
        return {name: (kind, is_required) for name, is_required, kind in found}

    def _constraints(self) -> dict[str, str]:
        """Return the kinds of the constraints, by their names: `p` is the primary key."""
        found = self._connection.execute(
            text(
                "SELECT conname, contype::text AS contype FROM pg_constraint "
                "WHERE conrelid = to_regclass(:table) AND contype IN ('p', 'u', 'c')"
            ),
            {"table": self._name},
        )
        return {row.conname: row.contype for row in found}

    def _indexes(self) -> list[str]:
        names = text(
            "SELECT relname FROM pg_class JOIN pg_index ON indexrelid = oid WHERE indrelid = to_regclass(:table)"
        )
        return [*self._connection.scalars(names, {"table": self._name})]

    def _do(self, statement: str, values: Mapping[str, object] = MappingProxyType({})) -> None:
        self._connection.execute(text(statement), dict(values))

    def _sql_type(self, column: Column) -> str:
        return SQL_TYPES[column.type].compile(self._connection.dialect)

    def _type_name(self, column: Column) -> str:
        """Return the type as PostgreSQL names it."""
        kind, collate, collation = self._sql_type(column).partition(" COLLATE ")
        return kind.lower() + collate + collation
