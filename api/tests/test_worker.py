"""Connections that answer again without reading: gunicorn's worker of ours, in this process, on real sockets."""

import asyncio
import itertools
import socket
from collections.abc import Iterator

import pytest
import uvloop
from house import House, make_house_of_stations
from hypothesis import given
from hypothesis import strategies as st
from parts import Postgres
from wire import Place, learn, line, place, run, same

PAGE = b"GET /stations?limit=1000 HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n"
NUMBERED = b"GET /stations HTTP/1.1\r\nHost: h\r\nX-Request-ID: %b\r\nAccept: */*\r\n\r\n"
ROW = b"GET /stations/3 HTTP/1.1\r\nHost: h\r\n\r\n"
HEAD = b"HEAD /stations HTTP/1.1\r\nHost: h\r\n\r\n"
LAST = b"GET /stations HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
OLD = b"GET /stations HTTP/1.0\r\nHost: h\r\n\r\n"
WITH_BODY = b"GET /stations HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"
WITH_CREDENTIALS = b"GET /stations HTTP/1.1\r\nHost: h\r\nAuthorization: Basic eDp5\r\n\r\n"
BAD = b"GET /stations?limit=x HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.fixture(scope="module")
def house(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> House:
    return make_house_of_stations(postgres, tmp_path_factory.mktemp("datasets"), 300)


@pytest.mark.parametrize("request_", [PAGE, ROW, HEAD])
def test_known_bytes_are_answered_unread_and_alike(house: House, request_: bytes) -> None:
    async def work(there: Place) -> None:
        async with line(there.port) as client:
            await client.ask(request_)
            read = await client.ask(request_)
            learnt = await client.ask(request_)
            before = there.app.read
            unread = [await client.ask(request_) for _ in range(3)]
            assert there.app.read == before
        assert all(same(answer, read) and same(learnt, read) for answer in unread)
        assert read[1]["x-cache"] == "hit"
        assert len({answer[1]["x-request-id"] for answer in unread}) == 3

    run(house, work)


def test_a_request_with_another_id_is_the_same_request(house: House) -> None:
    async def work(there: Place) -> None:
        async with line(there.port) as client:
            for i in range(4):
                read = await client.ask(NUMBERED % b"a%d" % i)
            before = there.app.read
            for value in (b"b", b"4bf92f35-77b3", b"x" * 128):
                answer = await client.ask(NUMBERED % value)
                assert answer[1]["x-request-id"] == value.decode()
                assert same(answer, read)
            assert there.app.read == before
            for value in (b"", b"x" * 129, b"a b", b"a\r\nX-Request-Id: b", b"a\r\nAccept-Encoding: gzip"):
                answer = await client.ask(NUMBERED % value)
                assert (len(answer[1]["x-request-id"]) == 32) == (b"gzip" not in value)
                assert ("content-encoding" in answer[1]) == (b"gzip" in value)
            for _ in range(4):
                unusual = NUMBERED.replace(b"ID: ", b"ID:") % b"e"
                assert (await client.ask(unusual))[1]["x-request-id"] == "e"

    run(house, work)


def test_what_a_client_has_is_told_unread(house: House) -> None:
    async def work(there: Place) -> None:
        async with line(there.port) as client:
            tag = (await client.ask(PAGE))[1]["etag"]
            known = PAGE[:-2] + b"If-None-Match: " + tag.encode() + b"\r\n\r\n"
            answers = [await client.ask(known) for _ in range(2)]
            before = there.app.read
            answers += [await client.ask(known) for _ in range(3)]
            assert there.app.read == before
            assert all(same(answer, answers[0]) for answer in answers)
            assert {answer[0] for answer in answers} == {304}

    run(house, work)


@pytest.mark.parametrize("request_", [LAST, OLD, WITH_BODY, WITH_CREDENTIALS, BAD])
def test_all_others_are_read(house: House, request_: bytes) -> None:
    async def work(there: Place) -> None:
        await learn(there, PAGE)
        before = there.app.read
        for _ in range(5):
            async with line(there.port) as client:
                await client.ask(request_)
                if request_ in (LAST, OLD):
                    assert await client.reader.read() == b""
        assert there.app.read == before + 5

    run(house, work)


def test_the_admin_port_knows_nothing(house: House) -> None:
    async def work(there: Place) -> None:
        await learn(there, PAGE)
        async with line(there.admin_port) as client:
            assert [(await client.ask(PAGE))[0] for _ in range(3)] == [404] * 3

    run(house, work)


def test_a_new_version_and_a_lost_body_are_read(house: House) -> None:
    async def work(there: Place) -> None:
        await learn(there, PAGE)
        async with line(there.port) as client:
            before = there.app.read
            there.made.local._answers.clear()
            assert (await client.ask(PAGE))[1]["x-cache"] == "miss"
            assert there.app.read == before + 1

    run(house, work)


requests = st.lists(
    st.tuples(
        st.sampled_from([PAGE, ROW, HEAD, WITH_BODY, BAD, NUMBERED % b"c"]), st.lists(st.integers(1, 80), max_size=3)
    ),
    min_size=1,
    max_size=6,
)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """The server's event loop, for all examples."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield runner


@pytest.fixture(scope="module")
def there(house: House, runner: asyncio.Runner) -> Iterator[Place]:
    """A worker for all examples."""
    context = place(house)
    there = runner.run(context.__aenter__())
    runner.run(learn(there, PAGE, ROW, HEAD, NUMBERED % b"d"))
    yield there
    runner.run(context.__aexit__(None, None, None))


@given(requests)
def test_however_requests_arrive_in_pieces_each_is_answered_in_its_turn(
    there: Place, runner: asyncio.Runner, asked: list[tuple[bytes, list[int]]]
) -> None:
    async def compare() -> None:
        async with line(there.port) as whole, line(there.port) as client:
            for request_, cuts in asked:
                # A body that nobody reads and that comes in parts makes gunicorn close the connection.
                length = request_.index(b"\r\n\r\n") + 4 if request_ is WITH_BODY else len(request_)
                places = sorted({0, *(cut for cut in cuts if cut < length), len(request_)})
                pieces = [request_[start:end] for start, end in itertools.pairwise(places)]
                answer, expected = await client.ask(*pieces), await whole.ask(request_)
                if request_ is BAD:
                    assert answer[0] == expected[0] == 400
                else:
                    assert same(answer, expected)

    runner.run(compare())


@pytest.mark.parametrize("second", [PAGE, ROW])
def test_requests_in_one_piece_are_answered_in_their_order(house: House, second: bytes) -> None:
    async def work(there: Place) -> None:
        await learn(there, PAGE, ROW)
        async with line(there.port) as client:
            client.writer.write(PAGE + second + PAGE[:20])
            bodies = [(await client.answer())[2] for _ in range(2)]
            # The rest of the third one is no request, although it ends like one.
            bodies.append((await client.ask(PAGE[20:]))[2])
            row = (await client.ask(ROW))[2]
        assert bodies[0] == bodies[2] != row
        assert bodies[1] == (row if second is ROW else bodies[0])

    run(house, work)


def test_an_idle_connection_is_closed_in_time_and_one_in_use_is_not(house: House) -> None:
    async def work(there: Place) -> None:
        await learn(there, PAGE)
        async with line(there.port) as fresh, line(there.port) as used:
            await fresh.ask(PAGE)
            await used.ask(ROW)
            for _ in range(9):
                await used.ask(PAGE)
                await asyncio.sleep(0.3)
            async with asyncio.timeout(5):
                assert await fresh.reader.read() == b""
                await used.ask(PAGE)
                assert await used.reader.read() == b""

    run(house, work, keepalive=2)


def test_an_idle_connection_is_closed_as_long_after_what_was_asked_last(house: House) -> None:
    async def work(there: Place) -> None:
        await learn(there, PAGE)
        async with line(there.port) as client:
            await client.ask(PAGE)
            own = client.writer.get_extra_info("sockname")
            (connection,) = (each for each in there.worker.connections if each._client == own)
            connection._asked_at -= 15
            connection._keepalive_timeout()
            timer = connection._keepalive_handle
            assert timer
            left = timer.when() - asyncio.get_running_loop().time()
            assert 4 < left < 5.1
            connection._asked_at -= 5
            connection._keepalive_timeout()
            assert await client.reader.read() == b""

    run(house, work, keepalive=20)


def test_a_connection_that_closes_says_so(house: House) -> None:
    async def work(there: Place) -> None:
        async with line(there.port) as cut, line(there.port) as whole:
            _, fields, _ = await cut.ask(WITH_BODY.removesuffix(b"b"))
            assert fields["Connection"] == "close"
            assert await cut.reader.read() == b""
            _, fields, _ = await whole.ask(WITH_BODY)
            assert "Connection" not in fields
            await whole.ask(PAGE)

    run(house, work)


def test_a_client_that_takes_nothing_is_not_answered_without_end(house: House) -> None:
    async def work(there: Place) -> None:
        await learn(there, PAGE)
        with socket.create_connection(("127.0.0.1", there.port)) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.sleep(0.01)
            before = there.app.read
            (connection,) = (each for each in there.worker.connections if each._client == client.getsockname())
            for _ in range(10_000):
                client.send(PAGE)
                # One piece each.
                await asyncio.sleep(0.001)
                if connection._flow_control.write_paused:
                    break
            else:
                pytest.fail("all of it was taken")
            for _ in range(3):
                client.send(PAGE)
                await asyncio.sleep(0.05)
            # gunicorn waits until there is room before it reads on.
            assert there.app.read == before + 1
            assert connection.transport.get_write_buffer_size() < 10**6

    run(house, work)
