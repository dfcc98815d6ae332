"""Answers that are given again, held against falcon's own."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import rowhouse
from house import House, make_house_of_stations
from hypothesis import given
from hypothesis import strategies as st
from parts import Postgres
from replica import ORIGIN, Replica, Reply, replica
from rowhouse.repeatable import Headers, Scope
from rowhouse.repeats import LEFT_TO_FALCON, READ

type Header = tuple[str, str]

PATHS: tuple[str, ...] = (
    "/stations",
    "/stations.json",
    "/stations.csv",
    "/stations/3",
    "/stations/99",
    "/stations/aggregate",
)
PATHS += ("/nowhere",)
PATHS += ("/health", "/stations/", "/", "/stations/%33", "/openapi.json", "/docs")
QUERIES: tuple[str, ...] = ("", "?", "?limit=2", "?limit=02", "?limit=0", "?id__gt=2&limit=1", "?sort=-id", "?x")
QUERIES += ("?limit=2&limit=2", "?fields=id")
QUERIES += ("?group_by=id&select=count", "?id__in=1,2&count=exact", "?cursor=x", "?name=caf%C3%A9")
METHODS = ("GET", "GET", "GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE")
HEADERS: tuple[Header, ...] = (
    ("Accept", "*/*"),
    ("Accept", "text/csv"),
    ("Accept", "application/json;q=0.5, text/csv;q=0.4"),
    ("Accept", "image/png"),
    ("Accept-Encoding", "gzip"),
    ("Accept-Encoding", "zstd, gzip"),
    ("Accept-Encoding", "identity;q=0"),
    ("Accept-Encoding", ""),
    ("If-None-Match", "*"),
    ("If-None-Match", '"x"'),
    ("If-None-Match", "TAG"),
    ("If-None-Match", "W/TAG"),
    ("If-Modified-Since", "DATE"),
    ("If-Modified-Since", "Sat, 01 Jan 2000 00:00:00 GMT"),
    ("Origin", ORIGIN),
    ("Origin", "https://other.example.org"),
    ("X-Request-Id", "abc"),
    ("X-Request-Id", "def"),
    ("X-Request-Id", ""),
    ("X-Request-Id", "a b"),
    ("Authorization", "Bearer x"),
    ("Content-Length", "0"),
    ("Cookie", "a=b"),
    ("User-Agent", "x"),
    ("Access-Control-Request-Method", "GET"),
)

requests = st.tuples(
    st.sampled_from(METHODS),
    st.one_of(
        st.sampled_from(PATHS), st.text("/stationsx.%0123", min_size=1, max_size=12).map(lambda text: f"/{text}")
    ),
    st.one_of(st.sampled_from(QUERIES), st.text("?&=limtsor_0123%,", max_size=12).map(lambda text: f"?{text}")),
    st.lists(st.sampled_from(HEADERS), max_size=4),
)


@pytest.fixture(scope="module")
def house(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> House:
    return make_house_of_stations(postgres, tmp_path_factory.mktemp("datasets"), 5)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def served(house: House, runner: asyncio.Runner) -> Iterator[Replica]:
    """A replica for all examples, which remembers those before."""
    context = replica(house)
    yield runner.run(context.__aenter__())
    runner.run(context.__aexit__(None, None, None))


def use[T](house: House, work: Callable[[Replica], Awaitable[T]]) -> T:
    """Do some work with a replica of its own."""

    async def run() -> T:
        async with replica(house) as made:
            return await work(made)

    return asyncio.run(run())


def is_sane(headers: list[Header]) -> bool:
    """Whether the id is the client's own, so that equal answers have equal ids."""
    return [value for name, value in headers if name == "X-Request-Id"] in (["abc"], ["def"])


def comparable(reply: Reply, own_id: bool) -> object:
    """Return what has to be equal."""
    passing = {b"age"} | (set() if own_id else {b"x-request-id"})
    body = reply.body if own_id else re.sub(rb'"request_id":"[0-9a-f]{32}"', b"", reply.body)
    headers = [(name, b"" if name in passing else value) for name, value in reply.headers]
    # The length of an id that is made is always the same.
    return reply.status, headers, body


@given(requests)
def test_whatever_is_asked_is_answered_as_by_falcon(
    served: Replica, runner: asyncio.Runner, request: tuple[str, str, str, list[Header]]
) -> None:
    method, path, query, headers = request

    async def compare() -> None:
        plain = await served.ask(path + query, repeats=False)
        told = dict(plain.headers)
        tag, date = (told.get(name, b"").decode() for name in (b"etag", b"last-modified"))
        sent = [(name, value.replace("TAG", tag).replace("DATE", date)) for name, value in headers]
        # What falcon makes first comes from the memory afterwards, and says so.
        for _ in range(2):
            expected = await served.ask(path + query, method, sent, repeats=False)
        for _ in range(3):
            found = await served.ask(path + query, method, sent)
            assert comparable(found, is_sane(sent)) == comparable(expected, is_sane(sent))
            if b"age" in dict(expected.headers):
                assert 0 <= int(found.header("Age")) - int(expected.header("Age")) <= 5

    runner.run(compare())


@given(requests)
def test_what_is_not_understood_is_falcons(
    served: Replica, runner: asyncio.Runner, request: tuple[str, str, str, list[Header]]
) -> None:
    method, path, query, headers = request
    left = {name.decode() for name in LEFT_TO_FALCON}
    if method in ("GET", "HEAD") and not left & {name.lower() for name, _ in headers}:
        headers.append(("Authorization", "Basic eDp5"))
    served.asked.clear()
    for _ in range(3):
        runner.run(served.ask(path + query, method, headers))
    assert len(served.asked) == 3


ASKED: tuple[str, ...] = ("/stations", "/stations?limit=2", "/stations.csv?limit=3", "/stations/3")
ASKED += ("/stations/aggregate?group_by=id&select=count",)


@pytest.mark.parametrize("target", ASKED)
@pytest.mark.parametrize(
    "headers", [[], [("Accept-Encoding", "gzip")], [("Origin", ORIGIN)], [("X-Request-Id", "abc")]]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_third_answer_is_not_falcons(house: House, target: str, headers: list[Header], method: str) -> None:
    async def work(made: Replica) -> None:
        replies = [await made.ask(target, method, headers) for _ in range(4)]
        assert len(made.asked) == 2
        tag = replies[0].header("ETag")
        known = [await made.ask(target, method, [*headers, ("If-None-Match", tag)]) for _ in range(3)]
        assert len(made.asked) == 3
        assert [reply.status for reply in known] == [304] * 3
        assert len({reply.header("X-Request-Id") for reply in replies}) == (1 if is_sane(headers) else 4)

    use(house, work)


def test_a_new_version_is_answered_from_at_once(postgres: Postgres, tmp_path: Path) -> None:
    house = make_house_of_stations(postgres, tmp_path, 2)

    async def work(made: Replica) -> None:
        before = [await made.ask("/stations") for _ in range(3)]
        known = [("If-None-Match", before[0].header("ETag"))]
        assert [(await made.ask("/stations", headers=known)).status for _ in range(2)] == [304, 304]
        house.put_stations(3)
        await asyncio.to_thread(house.load)
        await made.store.refresh()
        assert b'"total":3' in (await made.ask("/stations")).body
        assert (await made.ask("/stations", headers=known)).status == 200
        made.asked.clear()
        assert b'"total":3' in (await made.ask("/stations")).body
        # A page of a version that is kept is still to be had, and still the same.
        await made.store.refresh()
        await made.ask("/stations")
        assert len(made.asked) <= 1

    use(house, work)


def test_what_the_memory_lost_is_made_anew(house: House) -> None:
    async def work(made: Replica) -> None:
        for _ in range(3):
            await made.ask("/stations")
        made.asked.clear()
        # All the room there is, once over.
        for i in range(1, 1000):
            await made.ask(f"/stations?limit={i}")
        made.asked.clear()
        again = [await made.ask("/stations") for _ in range(3)]
        assert len(made.asked) >= 1
        assert len({reply.body for reply in again}) == 1

    async def run() -> None:
        async with replica(house, size=64 * 1024) as made:
            await work(made)

    asyncio.run(run())


def test_a_process_that_ends_or_has_no_database_leaves_all_to_falcon(house: House) -> None:
    async def work(made: Replica) -> None:
        for _ in range(3):
            await made.ask("/stations")
        made.asked.clear()
        made.farewell.begin()
        assert (await made.ask("/stations")).header("Connection") == "close"
        assert len(made.asked) == 1

    use(house, work)


class Tokens:
    """Admits three requests, and says how many are left."""

    names = frozenset({b"ratelimit-remaining"})

    def __init__(self) -> None:
        self.left = 3
        self.clients: list[object] = []

    def admit(self, scope: Scope) -> Headers | None:
        self.clients.append(scope["client"])
        if not self.left:
            return None
        self.left -= 1
        return [(b"ratelimit-remaining", str(self.left).encode())]


def test_each_answer_is_admitted(house: House) -> None:
    tokens = Tokens()

    async def run() -> None:
        async with replica(house, admission=tokens) as made:
            for _ in range(2):
                await made.ask("/stations")
            assert not tokens.clients
            left = [(await made.ask("/stations")).header("RateLimit-Remaining") for _ in range(3)]
            assert left == ["2", "1", "0"]
            assert len(made.asked) == 2
            # falcon has to refuse it.
            await made.ask("/stations")
            assert len(made.asked) == 3
            assert tokens.clients == [("127.0.0.1", 4711)] * 4

    asyncio.run(run())


def test_the_notes_are_bounded(house: House) -> None:
    async def run(notes: int) -> int:
        async with replica(house, notes=notes) as made:
            for i in range(40):
                for _ in range(2):
                    await made.ask("/stations", headers=[("If-None-Match", f'"{i}"')])
            made.asked.clear()
            for i in range(40):
                await made.ask("/stations", headers=[("If-None-Match", f'"{i}"')])
            return len(made.asked)

    assert asyncio.run(run(2**20)) == 0
    assert 20 < asyncio.run(run(20 * 1024)) <= 40
    assert asyncio.run(run(0)) == 40


def test_every_field_that_the_program_reads_is_known() -> None:
    folder = Path(rowhouse.__file__).parent
    # No answer about a writable dataset is given again.
    sources = "".join(path.read_text() for path in folder.rglob("*.py") if path.parent != folder / "writing")
    read = {name.lower().encode() for name in re.findall(r'get_header\("([^"]+)"', sources)}
    assert b"accept" in read
    # The answer does not depend on the id, which is another each time; and X-Cache is its own.
    without_effect = {b"x-request-id", b"x-cache"}
    # falcon's CORS middleware reads one more.
    assert read - LEFT_TO_FALCON - without_effect | {b"origin"} == READ
