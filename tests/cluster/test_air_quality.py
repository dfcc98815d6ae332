"""What the deployed API says about its default dataset, compared with the file."""

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

FILE = Path(__file__).parents[2] / "files/datasets/air_quality/air_quality.csv.gz"

type Row = dict[str, str | int | float]


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(base_url="http://127.0.0.1:30800", timeout=10) as client:
        yield client


def rows_of_the_file() -> Iterator[Row]:
    with gzip.open(FILE, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield {
                "id": int(row["id"]),
                "date": row["date"],
                "station": row["station"],
                "latitude": float(row["latitude"]),
                "longitude": float(row["longitude"]),
                "pm10": float(row["pm10"]),
            }


def rows_of_all_pages(client: httpx.Client) -> Iterator[Row]:
    following = "/air_quality?limit=1000"
    while following:
        page = client.get(following).raise_for_status().json()
        yield from page["data"]
        following = page["links"].get("next")


def test_a_walk_along_every_next_gives_each_row_of_the_file(client: httpx.Client) -> None:
    served = 0
    for row, expected in zip(rows_of_all_pages(client), rows_of_the_file(), strict=True):
        assert row == expected
        served += 1
    assert served == 149_151
    assert client.get("/air_quality").json()["meta"]["total"] == served


def test_one_row(client: httpx.Client) -> None:
    answer = client.get("/air_quality/149151")
    assert answer.status_code == 200
    *_, last = rows_of_the_file()
    assert answer.json()["data"] == last


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/air_quality/149152", 404, "149152"),
        ("/air_quality/first", 400, "whole number"),
        ("/air_quality?limt=5", 400, "limit"),
        ("/air_quality?limit=100000", 400, "1000"),
        ("/air_quality?cursor=x", 400, "cursor"),
        ("/water_quality", 404, "/air_quality"),
        # The probes are for the kubelet, not for clients.
        ("/readyz", 404, "/air_quality"),
    ],
)
def test_a_mistake_is_a_problem_that_says_what_would_be_right(
    client: httpx.Client, path: str, status: int, said: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert said in problem["detail"]


def test_health_names_what_is_served(client: httpx.Client) -> None:
    health = client.get("/health").raise_for_status().json()
    assert health["status"] == "ok"
    assert [(dataset["dataset"], dataset["rows"]) for dataset in health["datasets"][:2]] == [
        ("air_quality", 149_151),
        ("restaurants", 60),
    ]
    # Whoever tests it writes it.
    assert [dataset["dataset"] for dataset in health["datasets"][2:]] == ["users"]


def test_the_second_answer_comes_from_the_cache_and_is_the_same(client: httpx.Client) -> None:
    path = "/air_quality?limit=7"
    first, second = client.get(path), client.get(path)
    assert second.headers["x-cache"] == "hit"
    assert second.content == first.content
