"""The page at /, and that at /docs, in a real browser: what they look like, and for whom."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import HOSTILE, Visitor, drawn, serve_samples, violations
from house import Served, make_house
from parts import Postgres, Redis
from playwright.sync_api import Page, expect

PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def served(postgres: Postgres, redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_samples(make_house(postgres, tmp_path_factory.mktemp("datasets")), redis) as served:
        yield served


@pytest.mark.parametrize("path", ["/#/air_quality?station=DENI051", "/#/restaurants", "/#/nowhere"])
def test_axe_finds_no_violation_in_light_and_dark(visit: Visitor, path: str) -> None:
    page = visit(path, color_scheme="light")
    if "nowhere" not in path:
        drawn(page)
    expect(page.get_by_role("heading").first).to_be_visible()
    assert violations(page) == []
    assert brightness(page) > 200
    page.emulate_media(color_scheme="dark")
    assert brightness(page) < 50
    assert violations(page) == []


def brightness(page: Page) -> int:
    """Return how much red there is in the page's ground, from 0 to 255."""
    return int(page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]"))


def test_the_theme_can_be_chosen_and_stays(visit: Visitor) -> None:
    page = drawn(visit("/#/restaurants", color_scheme="light"))
    page.get_by_role("button", name="Theme: System").click()
    page.get_by_role("button", name="Theme: Light").click()
    page.reload()
    expect(page.get_by_role("button", name="Theme: Dark")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 19, 17)"


@pytest.mark.parametrize("path", ["/#/air_quality", "/#/restaurants/1001", "/#/odd"])
def test_a_phone_shows_it_without_scrolling_sideways(visit: Visitor, path: str) -> None:
    page = visit(path, viewport=PHONE, has_touch=True, is_mobile=True)
    expect(page.locator(".where")).to_be_attached()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    if path == "/#/air_quality":
        expect(page.get_by_label("pm10 from")).to_be_hidden()
        page.get_by_role("button", name="Filters").click()
        expect(page.get_by_label("pm10 from")).to_be_visible()
        assert violations(page) == []


def test_values_are_text_and_exact(visit: Visitor) -> None:
    page = drawn(visit("/#/odd"))
    expect(page.locator("tbody")).to_contain_text(HOSTILE)
    expect(page.locator("tbody")).to_contain_text("9223372036854775807")
    expect(page.locator("tbody .null")).to_have_count(2)
    expect(page.locator(".views")).to_be_hidden()
    page.get_by_role("link", name="a/b?c#d").click()
    expect(page.get_by_role("dialog").get_by_role("heading")).to_have_text("name a/b?c#d")
    expect(page.get_by_role("dialog").locator("dd").first).to_have_text("a/b?c#d")


def test_nothing_to_show(visit: Visitor) -> None:
    page = visit("/#/users")
    expect(page.locator(".where")).to_have_text("There are no rows yet.")
    page.goto("/#/restaurants?name__contains=zzz")
    expect(page.locator(".where")).to_have_text("No rows match these filters.")
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    assert violations(page) == []


def test_docs(visit: Visitor) -> None:
    page = visit("/docs")
    expect(page.get_by_text("GET").first).to_be_visible()


def test_pictures(visit: Visitor, pytestconfig: pytest.Config) -> None:
    """Take the pictures that `--pictures FOLDER` asks for: that of the README, and what a reviewer wants to see."""
    folder = pytestconfig.getoption("pictures")
    path = "/#/air_quality?pm10__gte=50"
    page = drawn(visit(path, viewport={"width": 1200, "height": 950}))
    if folder:
        page.screenshot(path=Path(folder) / "explorer.png")
