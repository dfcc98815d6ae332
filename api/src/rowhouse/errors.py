"""What can go wrong, as one tree.

RowhouseError
├── ConfigurationError      many problems at once, found before anything starts
│   ├── SettingsError       in ROWHOUSE_* variables
│   └── DatasetError        in dataset.yml
├── LoadError               the data file or its rows; nothing was changed
├── DatabaseUnavailableError  PostgreSQL cannot be asked, or gave up on a statement
│   └── DatabaseAwayError   it refuses or ends connections, or is silent
├── NotLoadedError          a dataset has no version yet
├── VersionGoneError        a version that a client reads from was dropped
└── Problem                 an answer to a client, in rowhouse.problems
"""

from collections.abc import Sequence


class RowhouseError(Exception):
    """Its text is for the person who has to act on it: it names the place and the fix."""


class ConfigurationError(RowhouseError):
    """All problems of one kind of input.

    Attributes:
        problems: One sentence each, never empty.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        """Join the problems to one text, a line each."""
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class SettingsError(ConfigurationError):
    """The environment does not make valid settings."""


class DatasetError(ConfigurationError):
    """The dataset folders do not make valid datasets."""


class LoadError(RowhouseError):
    """A load stopped; what was served before is still served."""


class DatabaseUnavailableError(RowhouseError):
    """PostgreSQL cannot be asked, or gave up on a statement."""


class DatabaseAwayError(DatabaseUnavailableError):
    """PostgreSQL refuses or ends connections, or is silent."""


class NotLoadedError(RowhouseError):
    """No version of the dataset has been loaded yet."""


class VersionGoneError(RowhouseError):
    """The version of the dataset was dropped, as newer ones took its place."""
