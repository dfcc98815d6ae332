"""Debian's Chromium, and what it is shown."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from house import House, Served
from parts import Redis
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

DATASETS = Path(__file__).parents[2] / "files" / "datasets"
# In a browser it must stay what it is.
HOSTILE = "<img src=x onerror=alert(1)>"
ODD_YML = """\
title: Odd values
file: odd.csv
key: name
columns:
  name: {type: text}
  whole: {type: integer, unit: m}
  extra: {type: json}
"""
ODD = f'name,whole,extra\n"{HOSTILE}",9223372036854775807,"{{""a"": ""{HOSTILE}""}}"\na/b?c#d,,\n'
VISITS_YML = """\
title: Visits, a value of each kind
file: visits.csv
key: id
filters: [seen, paid, note]
columns:
  id: {type: integer}
  seen: {type: timestamp}
  paid: {type: boolean}
  note: {type: text}
"""
VISITS = """\
id,seen,paid,note
1,2025-01-01T11:59:59Z,true,a
2,2025-01-01T12:00:00Z,false,a
3,2025-01-02T00:00:00Z,,b
4,,true,
"""
DESK = {"width": 1360, "height": 940}
# Milliseconds; for machines that do much else.
_PATIENCE = 20_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser. Root may only run it without its sandbox."""
    expect.set_options(timeout=_PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def serve_samples(house: House, redis: Redis) -> Iterator[Served]:
    """Serve the real datasets, `guests`, a private one, and some with what is rare."""
    for name in ("air_quality", "restaurants", "users"):
        shutil.copytree(DATASETS / name, house.folder / name)
    shutil.copytree(DATASETS / "restaurants", house.folder / "guests")
    with (house.folder / "guests/dataset.yml").open("a") as description:
        description.write("private: true\n")
    house.put(ODD, yml=ODD_YML, name="odd")
    house.put(VISITS, yml=VISITS_YML, name="visits")
    house.load()
    with house.serve({"WORKERS": "1", **redis.settings}) as served:
        yield served


class Visitor:
    """Opens pages of one host, each in a window of its own, and hears all that they complain of."""

    def __init__(self, browser: Browser, base: str) -> None:
        """Take the browser, and the address that all paths begin with."""
        self._browser = browser
        self._base = base
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    def __call__(self, path: str, **options: Any) -> Page:
        """Open a page; to ask another host for anything is a complaint too."""
        options = {"viewport": DESK, "permissions": ["clipboard-read", "clipboard-write"]} | options
        context = self._browser.new_context(base_url=self._base, **options)
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(_PATIENCE)
        page.on("console", lambda said: self._complain(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self._complain(str(error)))
        page.on("dialog", lambda dialog: self._complain(dialog.message))
        page.on("request", lambda asked: self._judge(asked.url))
        page.goto(path)
        return page

    def close(self) -> None:
        """Close all windows."""
        for context in self._contexts:
            context.close()

    def _judge(self, url: str) -> None:
        if not url.startswith((self._base, "data:", "blob:")):
            self._complain(url)

    def _complain(self, text: str) -> None:
        self.complaints.append(text)


def rows(page: Page) -> Locator:
    """Return the rows of the table."""
    return page.locator("tbody tr")


def drawn(page: Page) -> Page:
    """Wait until all of it is there."""
    expect(rows(page).first).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    return page


def violations(page: Page) -> list[str]:
    """Return what axe-core finds fault with."""
    found = Axe().run(page).response["violations"]
    return [f"{item['id']}: {[node['target'] for node in item['nodes']]}" for item in found]
