"""The keys that are valid, known in every process; checking one costs no query and no wait."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hmac import compare_digest
from types import MappingProxyType

import psycopg2.errors
from sqlalchemy import Dialect, select

from rowhouse.access.scopes import ALL, Right, all_allowed
from rowhouse.access.token import Token
from rowhouse.catalog import Catalog
from rowhouse.link import Rows
from rowhouse.problems import InvalidApiKeyProblem, UnavailableProblem


@dataclass(frozen=True)
class Key:
    """A key, as far as requests are concerned.

    Attributes:
        id: Names it, in logs too.
        digest: SHA-256 of its token.
        allowed: Its scopes and all that these include.
        expires_at: When it ends to be valid, in seconds since 1970.
    """

    id: str
    digest: str
    allowed: frozenset[str]
    expires_at: float

    def may(self, right: Right, dataset: str) -> bool:
        """Tell whether its scopes allow it."""
        # Added up, as an enumeration's member is slow to format.
        return dataset + ":" + right in self.allowed or ALL + ":" + right in self.allowed


class Keys:
    """The keys as PostgreSQL last told them. While it is away they stay valid, each until it expires."""

    def __init__(self, catalog: Catalog, dialect: Dialect) -> None:
        """Take the tables to read; nothing is known yet."""
        keys = catalog.keys
        # A counter and not the time of the last change: transactions need not end in the order of their times.
        self._changes_statement = str(select(catalog.key_changes.c.changes).compile(dialect=dialect))
        self._keys_statement = str(
            select(keys.c.id, keys.c.digest, keys.c.scopes, keys.c.expires_at)
            .where(keys.c.revoked_at.is_(None))
            .compile(dialect=dialect)
        )
        self._changes: int | None = None
        self._keys: Mapping[str, Key] = MappingProxyType({})

    def read(self, execute: Callable[[str], Rows]) -> None:
        """Ask whether anything has changed, and if so for all keys; for the thread that asks PostgreSQL."""
        try:
            # Asked first: what changes meanwhile is asked for again the next time.
            changes = sum(count for (count,) in execute(self._changes_statement))
            if changes == self._changes:
                return
            found = execute(self._keys_statement)
        except psycopg2.errors.UndefinedTable:
            # As a backup from before there were keys is. Nobody has one then.
            changes, found = 0, []
        keys = (
            Key(name, digest, all_allowed(scopes), expires_at.timestamp() if expires_at else float("inf"))
            for name, digest, scopes, expires_at in found
        )
        self._keys = MappingProxyType({key.id: key for key in keys})
        self._changes = changes

    def find(self, text: str) -> Key:
        """Return the key whose token this is.

        Raises:
            InvalidApiKeyProblem: There is none.
            UnavailableProblem: PostgreSQL could not be asked since this process began.
        """
        token = Token.parse(text)
        if token is None:
            raise InvalidApiKeyProblem("The API key is not whole or was mistyped.")
        if self._changes is None:
            raise UnavailableProblem("The API keys are not known yet. Try again soon.")
        key = self._keys.get(token.id)
        if key is None or not compare_digest(key.digest, token.digest):
            raise InvalidApiKeyProblem("There is no such API key, or it was revoked.")
        if key.expires_at <= time.time():
            raise InvalidApiKeyProblem("The API key has expired.")
        return key
