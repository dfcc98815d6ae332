"""The tables in PostgreSQL: each dataset's versions, the pointer to the current one, rows and rejects of each version.

A version's table never changes and never changes its name, so whoever reads `air_quality_v7` reads one snapshot. A
dataset is switched by moving its pointer. Pointers are kept by schema hash: during a rollout, replicas with another
dataset.yml go on with the version that fits them.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    MetaData,
    Sequence,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from rowhouse.dataset import ColumnType, Dataset

_SQL_TYPES: dict[ColumnType, TypeEngine[Any]] = {
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

    def table(self, dataset: Dataset, version: int) -> Table:
        """Describe the rows of one version. The loader adds the key when they are there, which takes less time."""
        columns = [
            Column(column.name, _SQL_TYPES[column.type], nullable=not column.required) for column in dataset.columns
        ]
        return Table(self.table_name(dataset.name, version), MetaData(schema=self.schema), *columns)

    @property
    def channel(self) -> str:
        """Name the channel on which a load tells, by NOTIFY, that it has moved a pointer."""
        return self.schema

    @staticmethod
    def table_name(dataset_name: str, version: int) -> str:
        """Name the table of one version."""
        return f"{dataset_name}_v{version}"
