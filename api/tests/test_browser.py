"""The page at /, in a real browser: what it does."""

import re
from collections.abc import Iterator

import pytest
from browser import Visitor, drawn, rows, serve_samples, violations
from house import House, Served, make_house
from parts import Postgres, Redis, wait_until
from playwright.sync_api import expect

FIRST = "1\N{EN DASH}50 of 149,151"
SECOND = "51\N{EN DASH}100 of 149,151"


@pytest.fixture(scope="module")
def house(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> House:
    return make_house(postgres, tmp_path_factory.mktemp("datasets"))


@pytest.fixture(scope="module")
def served(house: House, redis: Redis) -> Iterator[Served]:
    with serve_samples(house, redis) as served:
        yield served


def test_a_click_on_a_value_filters_rows_chart_map_and_request(visit: Visitor, served: Served) -> None:
    page = drawn(visit("/#/air_quality"))
    expect(page.locator(".total")).to_have_text("149,151 rows")
    station = page.get_by_role("region", name="station").get_by_role("checkbox").first
    number = station.locator("xpath=..").locator(".count").inner_text()
    name = station.locator("xpath=..").locator(".value").inner_text()
    station.check()
    expect(page.locator(".total")).to_have_text(f"{number} of 149,151 rows")
    assert set(rows(page).locator("td:nth-child(3)").all_inner_texts()) == {name}
    assert page.url.endswith(f"#/air_quality?station={name}")
    expect(page.locator("canvas")).to_have_attribute("aria-label", re.compile("Mean pm10 .* by month, .* points"))
    expect(drawn(page).locator("path.place")).to_have_count(1)
    # What is shown to copy gives what is shown.
    page.get_by_role("button", name="Copy URL").click()
    url = page.evaluate("navigator.clipboard.readText()")
    assert served.public.get(url).json()["meta"]["total"] == int(number.replace(",", ""))
    # Another value of the same column is one more to choose.
    page.get_by_role("region", name="station").get_by_role("checkbox").nth(1).check()
    expect(page).to_have_url(re.compile(f"station__in=.*{name}"))
    page.get_by_role("button", name=f"Remove the filter station = {name}").click()
    expect(page.locator(".chip")).to_have_count(1)
    page.locator(".chip").click()
    expect(page.locator(".total")).to_have_text("149,151 rows")


def test_sort_pages_and_the_way_back(visit: Visitor) -> None:
    page = drawn(visit("/#/air_quality"))
    header = page.get_by_role("columnheader", name="pm10")
    header.get_by_role("button").click()
    expect(header).to_have_attribute("aria-sort", "ascending")
    header.get_by_role("button").click()
    expect(header).to_have_attribute("aria-sort", "descending")
    drawn(page)
    first = rows(page).first.inner_text()
    page.get_by_role("button", name="Next").click()
    expect(page.locator(".where")).to_have_text(SECOND)
    assert drawn(page).get_by_role("button", name="Next").is_enabled()
    page.get_by_role("button", name="Previous").click()
    expect(page.locator(".where")).to_have_text(FIRST)
    assert rows(drawn(page)).first.inner_text() == first
    page.go_back()
    expect(page.locator(".where")).to_have_text(SECOND)
    page.reload()
    expect(page.locator(".where")).to_have_text(SECOND)


def test_ranges_and_texts_filter_and_the_address_brings_them_back(visit: Visitor, served: Served) -> None:
    page = drawn(visit("/#/air_quality"))
    page.get_by_label("pm10 from").fill("60")
    page.get_by_label("pm10 from").press("Enter")
    expect(page.locator(".chip")).to_contain_text(["pm10 ≥ 60"])
    page.get_by_label("date from").fill("2009-01-01")
    expect(page.locator(".chip")).to_have_count(2)
    page.get_by_role("searchbox", name="station contains").fill("DENI")
    expect(page.locator(".chip")).to_have_count(3)
    told = drawn(page).locator(".total").inner_text()
    other = drawn(visit(page.url.removeprefix(str(served.public.base_url))))
    expect(other.locator(".total")).to_have_text(told)
    expect(other.get_by_label("pm10 from")).to_have_value("60")
    expect(other.get_by_label("date from")).to_have_value("2009-01-01")
    expect(other.get_by_role("searchbox", name="station contains")).to_have_value("DENI")
    other.get_by_role("button", name="Clear all").click()
    expect(other.locator(".total")).to_have_text("149,151 rows")


def test_chart_and_map_are_drawn_and_clicked(visit: Visitor) -> None:
    page = drawn(visit("/#/air_quality"))
    inked = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v, i) => i % 4 == 3 && v)"
    assert page.locator("canvas").evaluate(inked)
    expect(page.locator("path.place")).to_have_count(70)
    expect(page.locator("path.land").first).to_be_attached()
    page.get_by_label("by", exact=True).select_option("date.year")
    expect(page.locator("canvas")).to_have_attribute("aria-label", re.compile("by year, 1998 to 2009: 12 points"))
    page.get_by_label("Show", exact=True).select_option("max.pm10")
    expect(page.get_by_role("heading", name="Highest pm10 (µg/m³) by place")).to_be_visible()
    drawn(page).locator("canvas").click(position={"x": 400, "y": 100})
    expect(page.locator(".chip").first).to_contain_text("date ≥")
    drawn(page).locator("path.place").nth(9).click()
    expect(page.locator(".chip").last).to_contain_text("station =")


@pytest.mark.parametrize(("name", "start"), [("CSV", b"id,name,"), ("GeoJSON", b'{"type":"Feat'), ("Parquet", b"PAR1")])
def test_a_download_is_the_selection(visit: Visitor, name: str, start: bytes) -> None:
    page = drawn(visit("/#/restaurants?borough=Market"))
    with page.expect_download() as caught:
        page.get_by_role("link", name=name, exact=True).first.click()
    content = caught.value.path().read_bytes()
    assert content.startswith(start)
    assert b"Hillside" not in content


def test_a_row_opens_and_closes_by_keys_alone(visit: Visitor) -> None:
    page = drawn(visit("/#/restaurants"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the data")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('tbody') !== null"):
            break
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Name on the door")
    expect(dialog.locator("pre").first).to_contain_text('"street"')
    assert "#/restaurants/1001" in page.url
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page).to_have_url(re.compile("#/restaurants$"))
    # The space bar chooses, and the focus stays where it was.
    box = page.get_by_role("region", name="borough").get_by_role("checkbox").first
    box.focus()
    page.keyboard.press("Space")
    expect(page.locator(".chip")).to_have_count(1)
    expect(drawn(page).get_by_role("region", name="borough").get_by_role("checkbox").first).to_be_focused()


def test_a_mistake_is_told_and_there_is_a_way_on(visit: Visitor) -> None:
    page = visit("/#/air_quality?pm01=5")
    expect(page.locator(".problem")).to_contain_text("Did you mean pm10?")
    assert violations(page) == []
    page.get_by_role("button", name="Start anew").click()
    expect(drawn(page).locator(".total")).to_have_text("149,151 rows")
    # The browser itself complains of the 400.
    assert all("400" in said for said in visit.complaints)
    visit.complaints.clear()


def test_a_private_dataset_asks_for_a_key(visit: Visitor, house: House, served: Served) -> None:
    key = house.key("guests:read")
    wait_until(lambda: served.public.get("/guests", headers=key).status_code == 200, "the key")
    page = drawn(visit("/#/odd"))
    page.get_by_label("Dataset").select_option("guests")
    expect(page.locator(".problem")).to_contain_text("API key")
    assert violations(page) == []
    page.get_by_label("API key").fill(key["Authorization"].removeprefix("Bearer "))
    page.get_by_role("button", name="Use it").click()
    expect(drawn(page).locator(".total")).to_have_text("60 rows")
    with page.expect_download() as caught:
        page.get_by_role("link", name="CSV", exact=True).first.click()
    assert caught.value.path().read_bytes().startswith(b"id,name,")
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    assert all("401" in said for said in visit.complaints)
    visit.complaints.clear()


def test_times_truths_and_missing_values_filter(visit: Visitor) -> None:
    page = drawn(visit("/#/visits"))
    expect(page.locator(".total")).to_have_text("4 rows")
    page.get_by_label("seen from").fill("2025-01-01T12:00:00")
    page.get_by_label("seen from").press("Enter")
    expect(page.locator(".total")).to_have_text("2 of 4 rows")
    page.locator(".chip").click()
    expect(page.locator(".total")).to_have_text("4 rows")
    facet = page.get_by_role("region", name="paid")
    facet.get_by_label("true").check()
    expect(page.locator(".total")).to_have_text("2 of 4 rows")
    facet.get_by_label("missing").check()
    expect(page.locator(".total")).to_have_text("1 of 4 rows")
    expect(page).to_have_url(re.compile("paid__isnull=true"))
    facet.get_by_label("missing").uncheck()
    page.get_by_role("region", name="seen").get_by_label("Only missing ones").check()
    expect(page.locator(".total")).to_have_text("1 of 4 rows")
    assert rows(drawn(page)).first.locator("td").first.inner_text() == "4"
