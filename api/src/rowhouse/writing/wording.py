"""The SQL by which rows of one dataset are written; the values go beside it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Dialect,
    any_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)

from rowhouse.catalog import Catalog
from rowhouse.dataset import Dataset
from rowhouse.statements import bind, shown


class Wording:
    """The statements.

    Attributes:
        lock: Asks for the state and keeps it from others; parameters `dataset`, `schema_hash`.
        move: Writes the next state and asks for revision and time; `own`, `new_revision`, `new_rows`,
            `new_last_key`.
        greatest_key: Asks for it; no parameters.
        find: Asks for a row; `key`.
        insert: Adds a row and asks for it; those of `parameters`, `new_revision`, `new_changed_at`.
        delete: Removes a row; `key`.
    """

    def __init__(self, catalog: Catalog, dataset: Dataset, dialect: Dialect) -> None:
        """Take where the tables are, and whose SQL to write."""
        self._dialect = dialect
        self._table = catalog.written(dataset)
        self._names = {column.name: f"c{i}" for i, column in enumerate(dataset.columns)}
        self._key = self._table.c[dataset.key.name]
        self._row = [
            *(shown(column, self._table.c[column.name]) for column in dataset.columns),
            self._table.c["_revision"],
            self._table.c["_changed_at"],
        ]
        states = catalog.states
        self.lock = self._text(
            select(states.c.revision, states.c.rows, states.c.last_key, states.c.changed_at)
            .where(states.c.dataset == bindparam("dataset"), bindparam("schema_hash") == any_(states.c.schema_hashes))
            .with_for_update()
        )
        # Even where the clock is put back, no two revisions have one time.
        later = func.greatest(func.clock_timestamp(), states.c.changed_at + literal_column("interval '1 microsecond'"))
        self.move = self._text(
            update(states)
            .where(states.c.dataset == bindparam("own"))
            .values(changed_at=later, **{name: _new(name) for name in ("revision", "rows", "last_key")})
            .returning(states.c.revision, states.c.changed_at)
        )
        self.greatest_key = self._text(select(func.max(self._key)))
        self.find = self._text(select(*self._row).where(self._key == bind("key", self._key)))
        self.delete = self._text(delete(self._table).where(self._key == bind("key", self._key)))
        self.insert = self._text(insert(self._table).values(self._values(self._names)).returning(*self._row))

    def update(self, names: Sequence[str]) -> str:
        """Return what changes these columns of a row, and asks for it; its parameters are those of `insert`."""
        key = bind(self._names[self._key.name], self._key)
        statement = update(self._table).where(self._key == key).values(self._values(names)).returning(*self._row)
        return self._text(statement)

    def parameters(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values by the names of their parameters."""
        return {self._names[name]: value for name, value in values.items()}

    def _values(self, names: Sequence[str] | Mapping[str, str]) -> dict[str, ColumnElement[Any]]:
        return {name: bind(self._names[name], self._table.c[name]) for name in names} | {
            "_revision": _new("revision"),
            "_changed_at": _new("changed_at"),
        }

    def _text(self, statement: Any) -> str:
        return str(statement.compile(dialect=self._dialect))


def _new(name: str) -> BindParameter[Any]:
    """Return a parameter that is not called as the column: those names SQLAlchemy keeps for itself."""
    return bindparam(f"new_{name}")
