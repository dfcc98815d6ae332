"""What all servers stand on: one PostgreSQL, one Redis, and tables of the sizes that are asked for."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from house import House, make_house
from parts import Postgres, Redis

from bench.data import write_dataset

# Of every server that can be told; as many as a replica of Rowhouse has by default.
WORKERS = 2


@dataclass(frozen=True)
class Table:
    """A table that is loaded by Rowhouse, and that the others read too.

    Attributes:
        rows: How many.
        file: What it was loaded from.
        house: Its schema and its dataset.
    """

    rows: int
    file: Path
    house: House

    @property
    def name(self) -> str:
        """Of the table in PostgreSQL, with its schema."""
        return f"{self.house.schema}.{self.house.tables()[0]}"

    @property
    def url(self) -> str:
        """Of the database, as libpq reads it."""
        settings = self.house.settings
        return f"postgresql://{settings.database_user}@127.0.0.1:{settings.database_port}/{settings.database_name}"


@dataclass
class Ground:
    """The parts that all share.

    Attributes:
        folder: For all that is written, where PostgreSQL's user may enter, who is another.
    """

    folder: Path
    postgres: Postgres
    redis: Redis
    _tables: dict[int, Table] = field(default_factory=dict)

    def table(self, rows: int) -> Table:
        """Return the table with so many rows, loaded when it is first asked for."""
        if rows not in self._tables:
            sys.stderr.write(f"a table of {rows} rows\n")
            place = self.folder / f"rows-{rows}"
            file = write_dataset(place, rows)
            house = make_house(self.postgres, place)
            done = house.run("load")
            if done.returncode:
                raise RuntimeError(done.stderr)
            self._tables[rows] = Table(rows, file, house)
        return self._tables[rows]

    def log(self, name: str) -> Path:
        """Return where a server of this name logs, in a folder of its own."""
        place = self.folder / f"{name}-{uuid4().hex[:8]}"
        place.mkdir()
        return place / "log"


@contextmanager
def ground() -> Iterator[Ground]:
    """Start both servers with the settings that a deployment gives them, and remove all at the end."""
    folder = Path("/tmp") / f"rowhouse-bench-{uuid4().hex[:8]}"
    (folder / "postgres").mkdir(parents=True)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        postgres, redis = Postgres(folder / "postgres"), Redis()
        stack.callback(postgres.stop)
        postgres.start()
        redis.start()
        stack.callback(redis.stop)
        (folder / "settings").mkdir()
        house = make_house(postgres, folder / "settings")
        # As postgresql.conf of the role has them.
        for setting in ("random_page_cost = 1.1", "jit = off"):
            house.sql(f"ALTER SYSTEM SET {setting}")
        house.sql("SELECT pg_reload_conf()")
        yield Ground(folder, postgres, redis)
