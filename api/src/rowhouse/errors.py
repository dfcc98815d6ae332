"""What can go wrong, as one tree.

RowhouseError
├── ConfigurationError      many problems at once, found before anything starts
│   ├── SettingsError       in ROWHOUSE_* variables
│   └── DatasetError        in dataset.yml
├── AccessError             a key that cannot be made, or is not there
├── BackupError             there is no new backup, or nothing was restored
├── LoadError               the data file or its rows; nothing was changed
├── InspectionError         a file of which no dataset.yml can be made
│   └── NoFileError         it is not there, or cannot be read
├── LoadStoppedError        PostgreSQL stopped a load; nothing was changed
├── DatabaseUnavailableError  PostgreSQL cannot be asked, or gave up on a statement
│   └── DatabaseAwayError   it refuses or ends connections, or is silent
├── OutOfRangeError         a sum or mean is larger than a number can be
├── ObjectStoreAwayError    the object store does not answer, or is not able to
├── ObjectStoreRefusedError  it knows no such bucket, or not who asks, or refuses them
├── NotLoadedError          a dataset has no version yet
├── VersionGoneError        a version that a client reads from was dropped
└── Problem                 an answer to a client, in rowhouse.problems
"""

import os
from collections.abc import Sequence


class RowhouseError(Exception):
    """Its text is for the person who has to act on it: it names the place and the fix.

    Attributes:
        exit_status: What a command that ends by it exits with, by sysexits.h: whether another try is worth it.
    """

    exit_status = 1


class ConfigurationError(RowhouseError):
    """All problems of one kind of input.

    Attributes:
        problems: One sentence each, never empty.
    """

    exit_status = os.EX_CONFIG

    def __init__(self, problems: Sequence[str]) -> None:
        """Join the problems to one text, a line each."""
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class SettingsError(ConfigurationError):
    """The environment does not make valid settings."""


class DatasetError(ConfigurationError):
    """The dataset folders do not make valid datasets."""


class AccessError(RowhouseError):
    """A key cannot be made as asked for, or is not there; nothing was changed."""

    exit_status = os.EX_DATAERR


class BackupError(RowhouseError):
    """A backup was not taken, does not count or was not restored; what is served was not changed."""


class LoadError(RowhouseError):
    """A data file or rows of it cannot be loaded; what was served before is still served."""

    exit_status = os.EX_DATAERR


class InspectionError(RowhouseError):
    """A file is not a table, or not one that a dataset can be made of."""

    exit_status = os.EX_DATAERR


class NoFileError(InspectionError):
    """A file is not there, or cannot be read."""

    exit_status = os.EX_NOINPUT


class LoadStoppedError(RowhouseError):
    """PostgreSQL stopped a load; what was served before is still served, and another try may succeed."""

    exit_status = os.EX_TEMPFAIL


class DatabaseUnavailableError(RowhouseError):
    """PostgreSQL cannot be asked, or gave up on a statement."""

    exit_status = os.EX_TEMPFAIL


class DatabaseAwayError(DatabaseUnavailableError):
    """PostgreSQL refuses or ends connections, or is silent."""


class OutOfRangeError(RowhouseError):
    """A sum or mean is larger than a number can be."""


class ObjectStoreAwayError(RowhouseError):
    """The object store does not answer in time, or is not able to do what it is asked."""


class ObjectStoreRefusedError(RowhouseError):
    """The object store knows no such bucket, or not who asks, or refuses them."""


class NotLoadedError(RowhouseError):
    """No version of the dataset has been loaded yet."""


class VersionGoneError(RowhouseError):
    """The version of the dataset was dropped, as newer ones took its place."""
