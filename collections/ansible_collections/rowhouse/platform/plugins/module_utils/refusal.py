"""The one kind of error that a user is meant to read."""


class RefusalError(Exception):
    """A deployment or a build cannot go on; the message names what is wrong and how to mend it."""
