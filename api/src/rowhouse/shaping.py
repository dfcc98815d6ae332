"""The table of one version while rows come in: made with the rules, and without them when the rows are there."""

from sqlalchemy import Connection, Table, text
from sqlalchemy.schema import CreateTable

from rowhouse.dataset import Column, Dataset
from rowhouse.rules import Terms, broken

# A name of its own: PostgreSQL would choose one that it cannot be dropped by.
_RULES = "_rules"


class Shape:
    """One such table, which takes a row only if it keeps all rules that are about one row alone.

    Attributes:
        name: For SQL, quoted.
    """

    def __init__(self, connection: Connection, dataset: Dataset, table: Table) -> None:
        """Take a table that is not there yet."""
        self._connection = connection
        self._dataset = dataset
        self._table = table
        quote = connection.dialect.identifier_preparer
        self._quote = quote.quote
        self.name = quote.format_table(table)
        self._has_rules = False

    def create(self) -> None:
        """Create the table. COPY checks the rules on its way, which costs much less than to read all rows again."""
        self._connection.execute(CreateTable(self._table))
        terms = Terms()
        if condition := broken(self._dataset, terms, lambda column: self._quote(column.name)):
            # What is not known to break a rule is taken, by CHECK too.
            statement = f"ALTER TABLE {self.name} ADD CONSTRAINT {_RULES} CHECK (NOT ({condition}))"
            self._connection.execute(text(statement), terms.values)
            self._has_rules = True

    def add_lines(self) -> None:
        """Have it keep the line of each row, until it is finished. No column of a dataset begins like this."""
        self._connection.exec_driver_sql(f"ALTER TABLE {self.name} ADD COLUMN _line bigint NOT NULL")

    def drop_lines(self) -> None:
        """Forget the lines. PostgreSQL only hides them: they take 8 bytes a row as long as the table is kept."""
        self._connection.exec_driver_sql(f"ALTER TABLE {self.name} DROP COLUMN _line")

    def drop_rules(self) -> None:
        """Leave a table like any other."""
        if self._has_rules:
            self._connection.exec_driver_sql(f"ALTER TABLE {self.name} DROP CONSTRAINT {_RULES}")

    def add_key(self) -> None:
        """Add the primary key.

        Raises:
            sqlalchemy.exc.IntegrityError: Two rows have the same.
        """
        key = self._quote(self._dataset.key.name)
        self._connection.exec_driver_sql(f"ALTER TABLE {self.name} ADD PRIMARY KEY ({key})")

    def add_index(self, column: Column) -> None:
        """Add an index on a column and the key behind it, which breaks ties in every order."""
        # PostgreSQL chooses a free name of at most 63 bytes.
        columns = f"{self._quote(column.name)}, {self._quote(self._dataset.key.name)}"
        self._connection.exec_driver_sql(f"CREATE INDEX ON {self.name} ({columns})")

    def analyze(self) -> None:
        """Gather statistics on what queries may ask about; nobody plans by those of other columns."""
        columns = ", ".join(self._quote(name) for name in self._asked())
        self._connection.exec_driver_sql(f"ANALYZE {self.name} ({columns})")

    def _asked(self) -> dict[str, None]:
        return dict.fromkeys(column.name for column in (self._dataset.key, *self._dataset.filters))
