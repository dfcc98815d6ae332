"""Puts a restored schema in the place of the one that is served: one short transaction, seen whole or not at all.

What belongs to the environment and not to its data goes over from the old schema: which API keys there are, and which
backups. Every version and revision gets a number that no cache, no ETag and no cursor can know.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg2 import sql

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a class, which the driver names so

# Numbers count up from one, an hour or a load each, a second or a write each: no number that was ever given, even in a
# database that is lost, is larger than the seconds since 1970.
_FLOOR = "extract(epoch FROM clock_timestamp())::bigint"

_RENUMBERED = """
    INSERT INTO {versions} SELECT (jsonb_populate_record(old,
        jsonb_build_object('version', %(new)s, 'loaded_at', clock_timestamp()))).*
    FROM {versions} AS old WHERE version = %(old)s;
    UPDATE {pointers} SET version = %(new)s WHERE version = %(old)s;
    UPDATE {rejects} SET version = %(new)s WHERE version = %(old)s;
    DELETE FROM {versions} WHERE version = %(old)s;
"""
_REVISED = """
    UPDATE {states} AS state SET changed_at = clock_timestamp(), revision = greatest(
        state.revision, {floor}, (SELECT max(revision) FROM {old_states} AS old WHERE old.dataset = state.dataset)) + 1
"""
_GREATEST_KEYS = """
    UPDATE {states} AS state SET last_key = greatest(state.last_key, old.last_key)
    FROM {old_states} AS old WHERE old.dataset = state.dataset
"""
# What is known here wins: a key that was revoked after the backup stays revoked.
_KEYS = """
    INSERT INTO {keys} ({columns}) SELECT {columns} FROM {old_keys}
    ON CONFLICT (id) DO UPDATE
    SET revoked_at = excluded.revoked_at, expires_at = excluded.expires_at, scopes = excluded.scopes
"""
_CHANGES = """
    INSERT INTO {changes} (changes) VALUES ({floor})
    ON CONFLICT (one) DO UPDATE SET changes = greatest({changes}.changes + 1, excluded.changes)
"""
_BACKUPS = "TRUNCATE {backups}; INSERT INTO {backups} ({columns}) SELECT {columns} FROM {old_backups}"


@dataclass(frozen=True)
class Swap:
    """What takes whose place.

    Attributes:
        schema: What is served.
        restored: The schema with what was restored, whose tables are those of this release.
        aside: Name that the one that was served gets.
        is_ours: Whether the backup was taken of this environment.
    """

    schema: str
    restored: str
    aside: str
    is_ours: bool

    def run(self, cursor: "Cursor") -> bool:
        """Do it, in the caller's transaction; returns whether there was anything to put aside."""
        cursor.execute("SET LOCAL lock_timeout = '10s'")
        has_old = _exists(cursor, self.schema)
        self._renumber(cursor)
        self._revise(cursor)
        self._carry_over(cursor)
        rename = sql.SQL("ALTER SCHEMA {} RENAME TO {}")
        if has_old:
            cursor.execute(rename.format(sql.Identifier(self.schema), sql.Identifier(self.aside)))
        cursor.execute(rename.format(sql.Identifier(self.restored), sql.Identifier(self.schema)))
        cursor.execute("SELECT pg_notify(%s, '')", (self.schema,))
        return has_old

    def _renumber(self, cursor: "Cursor") -> None:
        versions = self._new("dataset_version")
        numbers = sql.Identifier(self.restored, "dataset_version_number")
        cursor.execute(sql.SQL("SELECT version, dataset FROM {} ORDER BY version").format(versions))
        found = cursor.fetchall()
        cursor.execute(sql.SQL("SELECT greatest(last_value, {}) FROM {}").format(sql.SQL(_FLOOR), numbers))
        ((last,),) = cursor.fetchall()
        if self._has_old(cursor, "dataset_version_number"):
            cursor.execute(sql.SQL("SELECT last_value FROM {}").format(self._old("dataset_version_number")))
            last = max(last, *cursor.fetchone() or ())
        children = {"pointers": self._new("dataset_pointer"), "rejects": self._new("dataset_reject")}
        for number, (version, dataset) in enumerate(found, last + 1):
            cursor.execute(sql.SQL(_RENUMBERED).format(versions=versions, **children), {"old": version, "new": number})
            rename = sql.SQL("ALTER TABLE {} RENAME TO {}")
            cursor.execute(rename.format(self._new(f"{dataset}_v{version}"), sql.Identifier(f"{dataset}_v{number}")))
        cursor.execute("SELECT setval(%s, %s)", (numbers.as_string(cursor), last + max(1, len(found))))

    def _revise(self, cursor: "Cursor") -> None:
        states = self._new("dataset_state")
        has_old = self._has_old(cursor, "dataset_state")
        tables = {"states": states, "old_states": self._old("dataset_state") if has_old else states}
        cursor.execute(sql.SQL(_REVISED).format(floor=sql.SQL(_FLOOR), **tables))
        if has_old and self.is_ours:
            # The key of a row that was added since the backup is not given to another row.
            cursor.execute(sql.SQL(_GREATEST_KEYS).format(**tables))

    def _carry_over(self, cursor: "Cursor") -> None:
        if not self.is_ours:
            # Who may write there may not write here.
            cursor.execute(sql.SQL("TRUNCATE {}").format(self._new("api_key")))
        self._copy(cursor, "api_key", _KEYS, "keys")
        self._copy(cursor, "backup", _BACKUPS, "backups")
        cursor.execute(sql.SQL(_CHANGES).format(changes=self._new("api_key_changes"), floor=sql.SQL(_FLOOR)))

    def _copy(self, cursor: "Cursor", name: str, statement: str, placeholder: str) -> None:
        """Run a statement on a table of both schemas, if the old one has it."""
        if not self._has_old(cursor, name):
            return
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
            " ORDER BY ordinal_position",
            (self.schema, name),
        )
        columns = sql.SQL(", ").join(sql.Identifier(column) for (column,) in cursor.fetchall())
        tables: dict[str, Any] = {placeholder: self._new(name), f"old_{placeholder}": self._old(name)}
        cursor.execute(sql.SQL(statement).format(columns=columns, **tables))

    def _has_old(self, cursor: "Cursor", name: str) -> bool:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (self._old(name).as_string(cursor),))
        ((found,),) = cursor.fetchall()
        return bool(found)

    def _new(self, name: str) -> sql.Identifier:
        return sql.Identifier(self.restored, name)

    def _old(self, name: str) -> sql.Identifier:
        return sql.Identifier(self.schema, name)


def _exists(cursor: "Cursor", schema: str) -> bool:
    cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname = %s", (schema,))
    ((count,),) = cursor.fetchall()
    return bool(count)
