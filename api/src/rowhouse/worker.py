"""gunicorn's worker, but for the connections on which nothing is asked: those it closes when it ends."""

from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.workers import gasgi


class Connection(ASGIProtocol):
    """Is known to its worker as long as it is open."""

    worker: "Worker"

    def connection_made(self, transport: object) -> None:
        """Begin."""
        self.worker.connections.add(self)
        super().connection_made(transport)  # type: ignore[no-untyped-call] # gunicorn ships no types

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.worker.connections.discard(self)
        super().connection_lost(exc)  # type: ignore[no-untyped-call] # gunicorn ships no types

    def close_if_idle(self) -> None:
        """Do at once what the time-out of an idle connection does, when no request is under way."""
        if self._awaiting_request and not self._finishing_calls:
            self._keepalive_timeout()  # type: ignore[no-untyped-call] # gunicorn ships no types


class Worker(gasgi.ASGIWorker):
    """Ends as soon as every request is answered, however long idle connections are kept.

    gunicorn would wait for the idle ones too until they time out.

    Attributes:
        connections: The open ones.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Take what gunicorn gives each worker."""
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call] # gunicorn ships no types
        self.connections: set[Connection] = set()
        # There is no setting for the class.
        gasgi.ASGIProtocol = Connection  # type: ignore[attr-defined] # what gunicorn imports there, it looks up there

    def handle_exit_signal(self) -> None:
        """End when nothing is under way any more."""
        super().handle_exit_signal()  # type: ignore[no-untyped-call] # gunicorn ships no types
        for connection in tuple(self.connections):
            connection.close_if_idle()
