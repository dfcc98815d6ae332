"""A worker of gunicorn's in this process, and connections to it on real sockets."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import uvloop
from gunicorn.config import Config
from gunicorn.glogging import Logger
from house import House
from replica import Replica, replica
from rowhouse.app import Ports
from rowhouse.worker import Connection, Worker


class Counting(Ports):
    """Counts what gunicorn has read, and handed on."""

    read = 0

    async def __call__(self, *args: Any) -> None:
        self.read += 1
        await super().__call__(*args)


@dataclass(frozen=True)
class Place:
    """A worker that serves.

    Attributes:
        made: Its app.
        worker: gunicorn's object.
        app: What gunicorn calls.
        port: Of the public app.
        admin_port: Of another, which finds nothing.
    """

    made: Replica
    worker: Worker
    app: Counting
    port: int
    admin_port: int


class Line:
    """A client's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, *pieces: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send pieces, each as a packet of its own, and read one answer."""
        for piece in pieces:
            self.writer.write(piece)
            # Until the other side has taken it.
            await asyncio.sleep(0.002 if len(pieces) > 1 else 0)
        return await self.answer(is_head=b"".join(pieces).startswith(b"HEAD"))

    async def answer(self, is_head: bool = False) -> tuple[int, dict[str, str], bytes]:
        """Read one answer: status, fields, body."""
        async with asyncio.timeout(5):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.rstrip("\r\n").split("\r\n")
            fields = dict(line.split(": ", 1) for line in lines)
            status = int(first.split(" ")[1])
            has_body = not is_head and status != 304
            return status, fields, await self.reader.readexactly(int(fields["content-length"]) if has_body else 0)


@asynccontextmanager
async def place(house: House, keepalive: int = 75) -> AsyncIterator[Place]:
    """Serve on two ports."""

    async def admin(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    config = Config()
    config.set("keepalive", keepalive)
    async with replica(house) as made:
        worker = Worker(0, os.getpid(), [], None, 30, config, Logger(config))
        worker.loop = asyncio.get_running_loop()
        servers = [
            await worker.loop.create_server(lambda: Connection(worker), "127.0.0.1", 0)  # type: ignore[no-untyped-call] # gunicorn ships no types
            for _ in range(2)
        ]
        port, admin_port = (server.sockets[0].getsockname()[1] for server in servers)
        worker.asgi = app = Counting(made.repeats, admin, admin_port)
        try:
            yield Place(made, worker, app, port, admin_port)
        finally:
            for server in servers:
                server.close()
            for connection in tuple(worker.connections):
                connection.transport.abort()
            await asyncio.sleep(0.01)


@asynccontextmanager
async def line(port: int) -> AsyncIterator[Line]:
    """Connect."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    # The worker begins to wait for a request a moment later.
    await asyncio.sleep(0.01)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()


def run(house: House, work: Callable[[Place], Awaitable[None]], keepalive: int = 75) -> None:
    """Do some work with a worker of its own, on the event loop that the server has."""

    async def whole() -> None:
        async with place(house, keepalive) as there:
            await work(there)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(whole())


async def learn(there: Place, *requests: bytes) -> None:
    """Ask each so often that it is known by its bytes."""
    for request in requests:
        async with line(there.port) as client:
            for _ in range(4):
                await client.ask(request)


def same(one: tuple[int, dict[str, str], bytes], other: tuple[int, dict[str, str], bytes]) -> bool:
    """Whether two answers are the same, but for what is another each time."""
    passing = {"x-request-id", "age", "Date", "x-cache"}
    fields = [{name: value for name, value in each[1].items() if name not in passing} for each in (one, other)]
    names = [list(each[1]) for each in (one, other)]
    return (one[0], fields[0], one[2]) == (other[0], fields[1], other[2]) and names[0] == names[1]
