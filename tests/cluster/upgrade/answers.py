"""The questions of the load, and what each answer is held against: one edition, whole, and one version of it."""

import hashlib
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import httpx

from tests.cluster.upgrade.editions import Edition, has_same_text

PAGE = 50
WINDOW = 10
# One request of so many writes a row.
WRITES = 25


@dataclass(frozen=True)
class Seen:
    """What an answer of a version says of itself everywhere."""

    edition: int
    modified: str


@dataclass
class Questions:
    """Asks for pages and rows, writes, and judges the answers.

    Attributes:
        written: Rows that were answered to be written.
    """

    url: str
    token: str
    editions: Sequence[Edition]
    written: int = 0
    _versions: dict[int, Seen] = field(default_factory=dict)
    _digests: dict[tuple[str, str], bytes] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, number: int) -> httpx.Request:
        """Return a request; most ask for what no cache has."""
        if number % WRITES == 0:
            user = {"dni": f"{time.time_ns()}-{number}", "name": "Ann Lee"}
            headers = {"Authorization": f"Bearer {self.token}"}
            return httpx.Request("POST", f"{self.url}/users", json=user, headers=headers)
        key = number % (min(edition.total for edition in self.editions) - PAGE) + 1
        paths = [
            f"/places?limit={PAGE}",
            f"/places?id__gte={key}&limit={WINDOW}",
            f"/places.csv?id__gte={key}&limit={WINDOW}",
            f"/places/{key}",
        ]
        return httpx.Request("GET", f"{self.url}{paths[number // 8 % len(paths)]}")

    def judge(self, answer: httpx.Response) -> str | None:
        """Say what is wrong with an answer."""
        if answer.request.method == "POST":
            if answer.status_code != httpx.codes.CREATED:
                return f"{answer.status_code} {answer.text}"
            with self._lock:
                self.written += 1
            return None
        if answer.status_code != httpx.codes.OK:
            return f"{answer.status_code} {answer.text}"
        return self._mixed(answer)

    def edition_of(self, version: int) -> Edition | None:
        """Return of which edition a version is, as far as answers told."""
        seen = self._versions.get(version)
        return next((edition for edition in self.editions if seen and edition.number == seen.edition), None)

    def _mixed(self, answer: httpx.Response) -> str | None:
        """Say where an answer is of more than one edition or version."""
        tag = answer.headers["ETag"]
        path = str(answer.request.url)
        digest = hashlib.sha256(answer.content).digest()
        with self._lock:
            if self._digests.setdefault((path, tag), digest) != digest:
                return f"ETag {tag} stands for two bodies, one of them {answer.text[:2000]}"
        edition = next((edition for edition in self.editions if _is_of(edition, answer)), None)
        if edition is None:
            return f"of no edition: {answer.text[:2000]}"
        if answer.url.path.endswith(".csv"):
            return None
        meta = answer.json()["meta"]
        if meta.get("total") not in (None, edition.total):
            return f"rows of edition {edition.number}, but {meta}"
        with self._lock:
            said = Seen(edition.number, answer.headers["Last-Modified"])
            if self._versions.setdefault(meta["version"], said) != said:
                return f"version {meta['version']} is {self._versions[meta['version']]}, but here {said}"
        return None


def _is_of(edition: Edition, answer: httpx.Response) -> bool:
    """Tell whether an answer is what this edition gives, to the letter."""
    _, _, key = answer.url.path.partition("/places/")
    parameters = {name: int(values[0]) for name, values in parse_qs(answer.url.query.decode()).items()}
    first, limit = parameters.get("id__gte", 1), parameters.get("limit", 0)
    if answer.url.path.endswith(".csv"):
        return answer.text == (edition.text(first, limit) if limit else edition.file)
    return has_same_text(json.loads(answer.text)["data"], edition.row(int(key)) if key else edition.rows(first, limit))
