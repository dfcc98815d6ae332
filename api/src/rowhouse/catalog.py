"""The tables in PostgreSQL: each dataset's versions, the pointer to the current one, rows and rejects; the API keys.

A writable dataset has one table of rows instead, `NAME_rows`, and a state, whose revision grows with each write.

A version's table never changes and never changes its name, so whoever reads `air_quality_v7` reads one snapshot. A
dataset is switched by moving its pointer. Pointers are kept by schema hash: during a rollout, replicas with another
dataset.yml go on with the version that fits them.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Index,
    MetaData,
    Sequence,
    Table,
    Text,
    func,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import TypeEngine

from rowhouse.dataset import ColumnType, Dataset

SQL_TYPES: dict[ColumnType, TypeEngine[Any]] = {
    ColumnType.INTEGER: BigInteger(),
    ColumnType.NUMBER: Double(),
    # Compared by code point: the same everywhere, and without a library whose order changes with its release.
    ColumnType.TEXT: Text(collation="C"),
    ColumnType.DATE: Date(),
    ColumnType.TIMESTAMP: DateTime(timezone=True),
    ColumnType.BOOLEAN: Boolean(),
    ColumnType.JSON: JSONB(),
}


class Catalog:
    """The tables of one schema, as SQLAlchemy objects.

    Attributes:
        schema: Name of the schema.
        metadata: What the loader creates before its first load.
        numbers: Gives each version its number; numbers are never used again.
        versions: One row for each version that is kept.
        rejects: The rows of the file that a version lacks, as they cannot be taken.
        pointers: The current version of each dataset and schema hash.
        states: Of each writable dataset: its revision, which grows with each write; the number of its rows; the
            greatest key that the API has given; the schema hashes that its table serves.
        backups: The backups that were restored and compared, for metrics.
        answers: What was answered to writes with an Idempotency-Key.
        keys: API keys, of which only hashes are kept.
        key_changes: One row, which counts the changes of keys.
    """

    def __init__(self, schema: str) -> None:
        """Describe the tables in `schema`, without touching a database."""
        self.schema = schema
        self.metadata = MetaData(schema=schema)
        self.numbers = Sequence("dataset_version_number", metadata=self.metadata)
        self.versions = Table(
            "dataset_version",
            self.metadata,
            Column("version", BigInteger, primary_key=True, autoincrement=False),
            Column("dataset", Text, nullable=False, index=True),
            Column("schema_hash", Text, nullable=False),
            Column("content_hash", Text, nullable=False),
            Column("rows", BigInteger, nullable=False),
            Column("rejects", BigInteger, nullable=False, server_default="0"),
            Column("loaded_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
            Column("activated_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
        )
        self.rejects = Table(
            "dataset_reject",
            self.metadata,
            Column("version", ForeignKey(self.versions.c.version, ondelete="CASCADE"), primary_key=True),
            Column("line", BigInteger, primary_key=True),
            Column("column", Text),
            Column("value", Text),
            Column("reason", Text, nullable=False),
            Column("raw", Text, nullable=False),
        )
        self.pointers = Table(
            "dataset_pointer",
            self.metadata,
            Column("dataset", Text, primary_key=True),
            Column("schema_hash", Text, primary_key=True),
            Column("version", ForeignKey(self.versions.c.version, ondelete="CASCADE"), nullable=False),
        )
        self.keys = Table(
            "api_key",
            self.metadata,
            Column("id", Text, primary_key=True),
            Column("name", Text, nullable=False),
            Column("digest", Text, nullable=False),
            Column("scopes", ARRAY(Text), nullable=False),
            Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
            Column("expires_at", DateTime(timezone=True)),
            Column("revoked_at", DateTime(timezone=True)),
        )
        self.key_changes = Table(
            "api_key_changes",
            self.metadata,
            Column("one", Boolean, CheckConstraint("one"), primary_key=True, server_default=true()),
            Column("changes", BigInteger, nullable=False, server_default="1"),
        )
        self.backups = Table(
            "backup",
            self.metadata,
            Column("name", Text, primary_key=True),
            Column("taken_at", DateTime(timezone=True), nullable=False),
            Column("verified_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
            Column("bytes", BigInteger, nullable=False),
            Column("rows", BigInteger, nullable=False),
        )
        self.states = Table(
            "dataset_state",
            self.metadata,
            Column("dataset", Text, primary_key=True),
            Column("schema_hashes", ARRAY(Text), nullable=False),
            Column("revision", BigInteger, nullable=False, server_default="0"),
            Column("rows", BigInteger, nullable=False, server_default="0"),
            Column("last_key", BigInteger, nullable=False, server_default="0"),
            Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
        )
        self.answers = Table(
            "dataset_answer",
            self.metadata,
            Column("dataset", Text, primary_key=True),
            Column("digest", Text, primary_key=True),
            Column("fingerprint", Text, nullable=False),
            Column("answered_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
            Column("is_created", Boolean, nullable=False),
            Column("key", Text, nullable=False),
            Column("revision", BigInteger, nullable=False),
            Column("changed_at", DateTime(timezone=True), nullable=False),
            Column("data", Text),
            Index(None, "dataset", "answered_at"),
        )

    def table(self, dataset: Dataset, version: int) -> Table:
        """Describe the rows of one version; those of a writable dataset, which has none, whatever the number."""
        if dataset.writable:
            return self.written(dataset)
        # The loader adds the key when the rows are there, which takes less time.
        columns = [
            Column(column.name, SQL_TYPES[column.type], nullable=not column.required) for column in dataset.columns
        ]
        return Table(self.table_name(dataset.name, version), MetaData(schema=self.schema), *columns)

    def written(self, dataset: Dataset) -> Table:
        """Describe the rows of a writable dataset, each with the revision that wrote it last, and when that was.

        No column of dataset.yml begins with an underscore. Constraints: see rowhouse.writing.constraints.
        """
        return Table(
            f"{dataset.name}_rows",
            MetaData(schema=self.schema),
            *(Column(column.name, SQL_TYPES[column.type], nullable=not column.required) for column in dataset.columns),
            Column("_revision", BigInteger, nullable=False),
            Column("_changed_at", DateTime(timezone=True), nullable=False),
        )

    @property
    def channel(self) -> str:
        """Name the channel on which it is told, by NOTIFY, that a pointer was moved or a key changed."""
        return self.schema

    @staticmethod
    def table_name(dataset_name: str, version: int) -> str:
        """Name the table of one version."""
        return f"{dataset_name}_v{version}"
