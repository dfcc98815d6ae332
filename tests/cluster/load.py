"""A steady load on an API of ours, and every request of it that failed."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

# What the load keeps to: a few clients, some hundred requests a second in all.
CLIENTS = 4
PAUSE_SECONDS = 0.005


@dataclass
class Load:
    """What was asked so far, and what failed: seconds since the start and how."""

    requests: int = 0
    failures: list[str] = field(default_factory=list)


@contextmanager
def steady_load(url: str, *, fresh: bool = False) -> Iterator[Load]:
    """Ask without a break from several clients; `fresh` makes each question one that no cache has seen."""
    load = Load()
    started = time.monotonic()
    over = threading.Event()
    lock = threading.Lock()

    def ask(first: int) -> None:
        number = first
        with httpx.Client(timeout=10) as client:
            while not over.is_set():
                number += CLIENTS
                failure = None
                try:
                    answer = client.get(url, params={"limit": number % 1000 + 1} if fresh else None)
                    if answer.status_code != httpx.codes.OK:
                        failure = f"{answer.status_code} {answer.text}"
                except httpx.HTTPError as error:
                    failure = f"{type(error).__name__} {error}"
                with lock:
                    load.requests += 1
                    if failure:
                        load.failures.append(f"{time.monotonic() - started:.2f} s: {failure}")
                time.sleep(PAUSE_SECONDS)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        over.set()
        for thread in threads:
            thread.join()
