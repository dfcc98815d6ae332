"""Makes, lists and revokes API keys in PostgreSQL."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, IntegrityError

from rowhouse.catalog import Catalog
from rowhouse.errors import AccessError, DatabaseUnavailableError


@dataclass(frozen=True)
class KeyRecord:
    """A key, as it is listed.

    Attributes:
        id: Names it, also in logs.
        name: Whose it is, for people.
        scopes: What it may do.
        created_at: When it was made.
        expires_at: When it ends to be valid; None is never.
        revoked_at: When it was revoked; None as long as it was not.
    """

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class Registry:
    """The table of keys. Every process that serves hears of each change at once."""

    def __init__(self, engine: Engine, catalog: Catalog) -> None:
        """Take an engine whose role owns the tables."""
        self._engine = engine
        self._catalog = catalog

    def add(self, key_id: str, name: str, digest: str, scopes: Sequence[str], lifetime: timedelta | None) -> None:
        """Keep a new key, of whose token only the digest is known here.

        Raises:
            AccessError: There is one with this id.
            DatabaseUnavailableError: PostgreSQL refused, or was lost.
        """
        values: dict[str, object] = {"id": key_id, "name": name, "digest": digest, "scopes": list(scopes)}
        if lifetime is not None:
            values["expires_at"] = func.clock_timestamp() + lifetime
        try:
            with self._change() as connection:
                connection.execute(insert(self._catalog.keys).values(values))
        except IntegrityError as error:
            raise AccessError(f"There is a key {key_id} already. Make another one.") from error

    def list(self) -> Sequence[KeyRecord]:
        """Return all keys, also those that are not valid any more, the oldest first.

        Raises:
            DatabaseUnavailableError: PostgreSQL refused, or was lost.
        """
        keys = self._catalog.keys
        columns = (keys.c.id, keys.c.name, keys.c.scopes, keys.c.created_at, keys.c.expires_at, keys.c.revoked_at)
        with _told(), self._engine.connect() as connection:
            rows = connection.execute(select(*columns).order_by(keys.c.created_at, keys.c.id)).all()
        return [KeyRecord(row[0], row[1], tuple(row[2]), *row[3:]) for row in rows]

    def revoke(self, key_id: str) -> None:
        """Have a key be valid no more, from now on; one that was revoked before stays so.

        Raises:
            AccessError: There is none.
            DatabaseUnavailableError: PostgreSQL refused, or was lost.
        """
        keys = self._catalog.keys
        revoked_at = func.coalesce(keys.c.revoked_at, func.clock_timestamp())
        with self._change() as connection:
            done = connection.execute(update(keys).where(keys.c.id == key_id).values(revoked_at=revoked_at))
            if not done.rowcount:
                raise AccessError(f"There is no key {key_id}. `rowhouse keys list` tells those that there are.")

    @contextmanager
    def _change(self) -> Iterator[Connection]:
        """Open a transaction at whose end it is told that something has changed."""
        changes = self._catalog.key_changes
        count = insert(changes).values(one=True)
        count = count.on_conflict_do_update(index_elements=changes.primary_key, set_={"changes": changes.c.changes + 1})
        with _told(), self._engine.begin() as connection:
            yield connection
            # Last, as it locks: changes are counted in the order in which they can be seen.
            connection.execute(count)
            connection.execute(select(func.pg_notify(self._catalog.channel, "")))


@contextmanager
def _told() -> Iterator[None]:
    """Say in a sentence what PostgreSQL says, but that a key is there twice."""
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        raise DatabaseUnavailableError(
            f"PostgreSQL refused: {reason}. Keys are kept by the role that loads, as ROWHOUSE_DATABASE_USER."
        ) from error
