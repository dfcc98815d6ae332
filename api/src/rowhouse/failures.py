"""What the driver raises, in our words."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2 import errors

from rowhouse.errors import DatabaseAwayError, DatabaseUnavailableError, OutOfRangeError, VersionGoneError


def is_lost(error: psycopg2.Error) -> bool:
    """Tell an end of the connection from what PostgreSQL says on it, which comes with a code.

    Two classes of codes announce an end: 08, connection exception, and 57P, such as an operator's shutdown.
    """
    if error.pgcode:
        return error.pgcode.startswith(("08", "57P"))
    # Their subclasses are either said by PostgreSQL or mistakes in using the driver.
    return type(error) in (psycopg2.DatabaseError, psycopg2.InterfaceError, psycopg2.OperationalError)


@contextmanager
def explained() -> Iterator[None]:
    """Say in our words what the driver raises, but for constraints that do not hold."""
    try:
        yield
    except errors.UndefinedTable as error:
        raise VersionGoneError(str(error)) from error
    except errors.NumericValueOutOfRange as error:
        raise OutOfRangeError(one_line(error)) from error
    except psycopg2.IntegrityError:
        raise
    except psycopg2.Error as error:
        raise (DatabaseAwayError if is_lost(error) else DatabaseUnavailableError)(one_line(error)) from error


def one_line(error: Exception) -> str:
    """Return what an error says, on one line."""
    return " ".join(str(error).split())
