"""A steady load on an API of ours, and every request of it that failed."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

# What the load keeps to: a few clients, some hundred requests a second in all.
CLIENTS = 4
PAUSE_SECONDS = 0.005

# From a number that no other request of the load has to the request.
type Ask = Callable[[int], httpx.Request]
# From an answer to what is wrong with it; None: nothing.
type Judge = Callable[[httpx.Response], str | None]


@dataclass
class Load:
    """What was asked so far, and what failed: seconds since the start and how."""

    requests: int = 0
    failures: list[str] = field(default_factory=list)


def no_success(answer: httpx.Response) -> str | None:
    """Say which other status than 200 an answer has."""
    return None if answer.status_code == httpx.codes.OK else f"{answer.status_code} {answer.text}"


@contextmanager
def steady_load(url: str, *, fresh: bool = False) -> Iterator[Load]:
    """Ask without a break from several clients; `fresh` makes each question one that no cache has seen."""

    def ask(number: int) -> httpx.Request:
        return httpx.Request("GET", url, params={"limit": number % 1000 + 1} if fresh else None)

    with asking(ask) as load:
        yield load


@contextmanager
def asking(
    ask: Ask, judge: Judge = no_success, *, clients: int = CLIENTS, newcomers: int = 0, a_second: float = math.inf
) -> Iterator[Load]:
    """Ask without a break.

    Args:
        ask: Makes the requests.
        judge: Looks at the answers.
        clients: Keep their connections.
        newcomers: Further clients, who connect anew for each request.
        a_second: Requests that all of them together make at most.
    """
    load = Load()
    started = time.monotonic()
    over = threading.Event()
    lock = threading.Lock()

    def run(first: int) -> None:
        number = first
        limits = httpx.Limits(max_keepalive_connections=1 if first < clients else 0)
        with httpx.Client(timeout=10, limits=limits) as client:
            while not over.is_set():
                due = time.monotonic() + len(threads) / a_second
                number += len(threads)
                request = ask(number)
                try:
                    failure = judge(client.send(request))
                except httpx.HTTPError as error:
                    failure = f"{type(error).__name__} {error}"
                with lock:
                    load.requests += 1
                    if failure:
                        told = f"{request.method} {request.url}: {failure}"
                        load.failures.append(f"{time.monotonic() - started:.2f} s: {told}")
                time.sleep(max(PAUSE_SECONDS, due - time.monotonic()))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(clients + newcomers)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        over.set()
        for thread in threads:
            thread.join()
