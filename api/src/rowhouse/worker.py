"""gunicorn's worker, with connections that answer again what they were just asked, and that close in time."""

import asyncio
import time
from typing import Any

from gunicorn.asgi import protocol
from gunicorn.asgi.parser import CallbackRequest
from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.workers import gasgi

from rowhouse.app import Ports
from rowhouse.repeats import WIRE, Repeats


class Connection(ASGIProtocol):
    """Is known to its worker as long as it is open, and answers what it can without reading it.

    A request is a piece of bytes. Where all that a connection received since its last answer is a piece that once was
    one whole request, and was answered by `Repeats`, it is the same request, as what gunicorn makes of bytes depends on
    them alone. It is then answered at once, in its turn, and gunicorn never sees it. Everything else is gunicorn's:
    several requests at once, parts of one, one that ends the connection, and all while an answer is under way or the
    client does not take what is sent.
    """

    worker: "Worker"
    # Set when there is a connection, which is whenever anything here is called.
    transport: Any
    _flow_control: Any
    _callback_parser: Any
    _body_receiver: Any

    def connection_made(self, transport: object) -> None:
        """Begin."""
        self.worker.connections.add(self)
        # All that was received since the last answer, as long as that is one piece; None: gunicorn has more.
        self._piece: bytes | None = None
        self._is_fresh = True
        self._asked_at = 0.0
        super().connection_made(transport)  # type: ignore[no-untyped-call] # gunicorn ships no types
        self._client = self.transport.get_extra_info("peername")
        self._repeats = self.worker.asgi.repeats_on(self.transport.get_extra_info("sockname")[1])

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.worker.connections.discard(self)
        super().connection_lost(exc)  # type: ignore[no-untyped-call] # gunicorn ships no types

    def data_received(self, data: bytes) -> None:
        """Answer at once, or have gunicorn read it."""
        if self._repeats and self._is_fresh and self._awaiting_request:
            if self._repeat(self._repeats, data):
                return
            self._piece = data
        else:
            self._piece = None
        super().data_received(data)  # type: ignore[no-untyped-call] # gunicorn ships no types

    def close_if_idle(self) -> None:
        """Do at once what the time-out of an idle connection does, when no request is under way."""
        if self._awaiting_request and not self._finishing_calls:
            super()._keepalive_timeout()  # type: ignore[no-untyped-call] # gunicorn ships no types

    def _repeat(self, repeats: Repeats, data: bytes) -> bool:
        """Answer a request that was answered before; tell whether it was."""
        if self._flow_control.write_paused or self._finishing_calls or not self.worker.alive:
            return False
        answer = repeats.repeat(data, self._client, self.worker.last_fields)
        if answer is None:
            return False
        if len(answer[1]) < protocol._NO_COPY_BODY_SIZE:
            self.transport.write(b"".join(answer))
        else:
            self.transport.writelines(answer)
        self._asked_at = time.monotonic()
        if self._keepalive_handle is None:
            self._arm_keepalive_timer()  # type: ignore[no-untyped-call] # gunicorn ships no types
        return True

    def _feed_callback_parser(self, data: bytes) -> bool:
        self._is_fresh = False
        return bool(super()._feed_callback_parser(data))  # type: ignore[no-untyped-call] # gunicorn ships no types

    def _build_http_scope(self, request: CallbackRequest, *addresses: object) -> dict[str, object]:
        scope: dict[str, object] = super()._build_http_scope(request, *addresses)  # type: ignore[no-untyped-call] # as above
        # What arrives from here on is fed, and makes it stale again.
        self._is_fresh = True
        parser = self._callback_parser
        is_whole = self._piece is not None and parser.is_complete and not parser.remaining()
        if is_whole and request.version == (1, 1) and not request.should_close():
            scope[WIRE] = self._piece
        return scope

    def _will_close(self, *args: object) -> bool:
        """Tell whether this answer is the connection's last; also where gunicorn closes, but would not say so.

        It does when the request's body is not all there yet: a client that is not told so sends its next request into
        a connection that is about to close.
        """
        receiver = self._body_receiver
        is_cut = receiver is not None and not receiver._complete
        return is_cut or bool(super()._will_close(*args))  # type: ignore[no-untyped-call] # gunicorn ships no types

    def _keepalive_timeout(self) -> None:
        """Close, unless something was asked since gunicorn set the time."""
        left = self._asked_at + self._keepalive - time.monotonic()
        if left > 0:
            self._keepalive_handle = self.worker.loop.call_later(left, self._keepalive_timeout)
        else:
            super()._keepalive_timeout()  # type: ignore[no-untyped-call] # gunicorn ships no types


class Worker(gasgi.ASGIWorker):
    """Ends as soon as every request is answered, however long idle connections are kept.

    gunicorn would wait for the idle ones too until they time out.

    Attributes:
        asgi: The app.
        loop: Once it serves.
        connections: The open ones.
    """

    asgi: Ports
    loop: asyncio.AbstractEventLoop

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Take what gunicorn gives each worker."""
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call] # gunicorn ships no types
        self.connections: set[Connection] = set()
        self._date = b""
        self._last_fields = b""
        # There is no setting for the class.
        gasgi.ASGIProtocol = Connection  # type: ignore[attr-defined] # what gunicorn imports there, it looks up there

    def last_fields(self) -> bytes:
        """Return what gunicorn sends behind the fields of an app, with the empty line."""
        date = protocol._get_cached_date_header()
        if date is not self._date:
            self._date = date
            self._last_fields = protocol._CACHED_SERVER_HEADER + date + b"\r\n"
        return self._last_fields

    def handle_exit_signal(self) -> None:
        """End when nothing is under way any more."""
        super().handle_exit_signal()  # type: ignore[no-untyped-call] # gunicorn ships no types
        for connection in tuple(self.connections):
            connection.close_if_idle()
