"""What a schema holds, as it can be compared after a backup was restored: rows and ordered checksums of each table."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Self, cast

from psycopg2 import sql

from rowhouse.errors import BackupError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a class, which the driver names so

# Raised when older manifests cannot be compared any more.
_FORMAT = 1

# Each table with the columns of its key; texts by code point, as each server may order them otherwise.
_TABLES = """
    SELECT c.relname,
           array(SELECT quote_ident(a.attname) || CASE a.attcollation WHEN 0 THEN '' ELSE ' COLLATE "C"' END
                 FROM pg_index i
                 CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k(number, position)
                 JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
                 WHERE i.indrelid = c.oid AND i.indisprimary ORDER BY k.position)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relkind = 'r' ORDER BY c.relname COLLATE "C"
"""
# The version of each dataset that was made current last; of a writable one its revision.
_DATASETS = """
    (SELECT DISTINCT ON (dataset) dataset, version, rows, ARRAY[schema_hash]
     FROM {versions} ORDER BY dataset, activated_at DESC, version DESC)
    UNION ALL SELECT dataset, revision, rows, schema_hashes FROM {states} ORDER BY 1
"""


@dataclass(frozen=True)
class TableContent:
    """What is in a table: its rows, and the SHA-256 of them as COPY writes them in the order of the key."""

    rows: int
    sha256: str


@dataclass(frozen=True)
class DatasetContent:
    """What is served of a dataset, or would be.

    Attributes:
        dataset: Its name.
        version: Of a writable one the revision.
        rows: Of that version.
        schema_hashes: Of the dataset.yml that it was made for; a writable one serves several.
    """

    dataset: str
    version: int
    rows: int
    schema_hashes: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    """What a backup has to be restored to.

    Attributes:
        name: Of the backup.
        environment: Where it was taken.
        release: Of the program that took it.
        schema: Name of the schema.
        taken_at: When its rows were as they are in it.
        bytes: Size of the dump.
        tables: By name.
        datasets: What was served.
    """

    name: str
    environment: str
    release: str
    schema: str
    taken_at: datetime
    bytes: int
    tables: Mapping[str, TableContent]
    datasets: Sequence[DatasetContent]

    @property
    def rows(self) -> int:
        """Of all tables together."""
        return sum(table.rows for table in self.tables.values())

    def text(self) -> str:
        """Return it as JSON."""
        content = {"format": _FORMAT, **asdict(self), "taken_at": self.taken_at.isoformat()}
        return json.dumps(content, indent=1)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `text` wrote.

        Raises:
            BackupError: It is none, or of a later release.
        """
        try:
            content: dict[str, Any] = json.loads(text)
            if content.pop("format") != _FORMAT:
                raise BackupError("The backup was made by a later release: restore it with that one.")
            tables = {name: TableContent(**table) for name, table in content.pop("tables").items()}
            datasets = [
                DatasetContent(**{**item, "schema_hashes": tuple(item["schema_hashes"])})
                for item in content.pop("datasets")
            ]
            taken_at = datetime.fromisoformat(content.pop("taken_at"))
            return cls(**content, taken_at=taken_at, tables=tables, datasets=datasets)
        except (KeyError, TypeError, ValueError) as error:
            raise BackupError(f"The manifest of the backup cannot be read: {error}") from error


def lock_tables(cursor: "Cursor", schema: str, mode: Literal["ACCESS SHARE", "SHARE"]) -> None:
    """Keep every table of the schema as it is until the transaction ends, by SHARE its rows too."""
    cursor.execute(_TABLES, (schema,))
    names = [sql.Identifier(schema, name) for name, _ in cursor.fetchall()]
    if not names:
        raise BackupError(f"There is no table in the schema {schema}: deploy first, as there is nothing to back up.")
    cursor.execute(sql.SQL("LOCK TABLE {} IN {} MODE").format(sql.SQL(", ").join(names), sql.SQL(mode)))


def table_contents(cursor: "Cursor", schema: str) -> dict[str, TableContent]:
    """Read every row of every table of the schema."""
    cursor.execute(_TABLES, (schema,))
    return {name: _content(cursor, schema, name, key) for name, key in cursor.fetchall()}


def dataset_contents(cursor: "Cursor", schema: str) -> list[DatasetContent]:
    """Return what is served out of the schema."""
    tables = {"versions": sql.Identifier(schema, "dataset_version"), "states": sql.Identifier(schema, "dataset_state")}
    cursor.execute(sql.SQL(_DATASETS).format(**tables))
    return [DatasetContent(name, version, rows, tuple(hashes)) for name, version, rows, hashes in cursor.fetchall()]


def differences(wanted: Mapping[str, TableContent], found: Mapping[str, TableContent]) -> Iterator[str]:
    """Yield a sentence for each table that was not restored as it was."""
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found:
            yield f"{name} is missing"
        elif name not in wanted:
            yield f"{name} is there, and was not"
        elif wanted[name].rows != found[name].rows:
            yield f"{name} has {found[name].rows:,} rows instead of {wanted[name].rows:,}"
        elif wanted[name] != found[name]:
            yield f"{name} has as many rows as it had, but others"


def _content(cursor: "Cursor", schema: str, name: str, key: Sequence[str]) -> TableContent:
    sink = _Sink()
    order = sql.SQL(", ".join(key) or 'row_::text COLLATE "C"')
    statement = sql.SQL("COPY (SELECT * FROM {table} AS row_ ORDER BY {order}) TO STDOUT")
    cursor.copy_expert(statement.format(table=sql.Identifier(schema, name), order=order), cast("BinaryIO", sink))
    return TableContent(sink.rows, sink.digest.hexdigest())


class _Sink:
    """Takes what COPY writes: a line a row, as line ends within values are escaped."""

    def __init__(self) -> None:
        self.rows = 0
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.rows += data.count(b"\n")
        self.digest.update(data)
        return len(data)
