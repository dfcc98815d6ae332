"""A client that walks along `links.next`, each page on a connection of its own, and so on whichever pod there is."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.cluster.load import Judge
from tests.cluster.upgrade.editions import Edition, has_same_text

LIMIT = 200
PAUSE_SECONDS = 0.2
EXPIRED = "urn:problem-type:rowhouse:cursor-expired"


class Walk:
    """One walk, page by page.

    Attributes:
        version: That of its first page; None before.
        is_expired: Whether it ended with the documented answer: 410, start again.
        is_over: Whether there is no next page.
    """

    def __init__(self, url: str) -> None:
        """Take where the API is; nothing is asked yet."""
        self._url = url
        self._next: str | None = f"/places?limit={LIMIT}"
        self._rows: list[dict[str, object]] = []
        self.version: int | None = None
        self.is_expired = False

    @property
    def is_over(self) -> bool:
        return self._next is None or self.is_expired

    def step(self) -> str | None:
        """Ask for the next page; return what is wrong with the answer."""
        answer = httpx.get(f"{self._url}{self._next}", timeout=10)
        if answer.status_code == httpx.codes.GONE and self._rows:
            self.is_expired = answer.json()["type"] == EXPIRED
        elif answer.status_code == httpx.codes.OK:
            page = answer.json()
            version = page["meta"]["version"]
            if self.version not in (None, version):
                return f"a walk in version {self.version} met version {version}"
            self.version = version
            self._rows += page["data"]
            self._next = page["links"]["next"]
            return None
        return None if self.is_expired else f"{answer.status_code} {answer.text}"

    def is_whole(self, edition: Edition) -> bool:
        """Tell whether it saw exactly the rows of this edition."""
        return has_same_text(self._rows, edition.rows(1, edition.total))


@dataclass
class Walks:
    """The walks of some time.

    Attributes:
        whole: How many saw all rows of one edition, each once.
        expired: How many ended with 410.
        failures: What else became of them.
    """

    whole: int = 0
    expired: int = 0
    failures: list[str] = field(default_factory=list)

    def run(self, url: str, judge: Judge, editions: Sequence[Edition], over: threading.Event) -> None:
        """Walk again and again, and export the whole table in between."""
        while not over.is_set():
            try:
                failure = self._walk(Walk(url), editions, over) or judge(httpx.get(f"{url}/places.csv", timeout=10))
            except httpx.HTTPError as error:
                failure = f"{type(error).__name__} {error}"
            if failure:
                self.failures.append(failure)

    def _walk(self, walk: Walk, editions: Sequence[Edition], over: threading.Event) -> str | None:
        while not walk.is_over:
            if over.wait(PAUSE_SECONDS):
                return None
            if failure := walk.step():
                return failure
        if walk.is_expired:
            self.expired += 1
        elif any(walk.is_whole(edition) for edition in editions):
            self.whole += 1
        else:
            return f"a walk in version {walk.version} saw the rows of no edition"
        return None


@contextmanager
def walking(url: str, judge: Judge, editions: Sequence[Edition]) -> Iterator[Walks]:
    """Have a client walk and export; `judge` looks at the exports."""
    walks = Walks()
    over = threading.Event()
    thread = threading.Thread(target=walks.run, args=(url, judge, editions, over))
    thread.start()
    try:
        yield walks
    finally:
        over.set()
        thread.join()
