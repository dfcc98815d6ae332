"""The running API, held against its own description by Schemathesis, with all of its checks.

What cannot apply: which texts are a cursor, and which columns an aggregate can be sorted by, no schema of a parameter
can say, so that requests that are to succeed are put right in `valid_cases`. Checks of resources that were deleted find
nothing to look at, as there is none.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import Served, make_house
from hypothesis import settings
from parts import S3, Postgres, Redis, wait_until

KINDS_YML = """\
title: Kinds
description: A column of each type
source: Invented
file: kinds.csv
key: id
filters: [part, day, time, flag]
columns:
  id: {type: integer, minimum: 0}
  whole: {type: integer, enum: [1, 2, 9223372036854775807]}
  part: {type: number, unit: m, minimum: -0.5, maximum: 1.0e+300, description: How much}
  text: {type: text, required: true}
  day: {type: date, minimum: 2000-01-01}
  time: {type: timestamp, maximum: 2030-01-01}
  flag: {type: boolean}
  extra: {type: json}
"""
KINDS = """\
id,whole,part,text,day,time,flag,extra
1,1,-0.5,"a,b",2025-01-01,2025-01-01T00:00:00.5Z,true,"{""a"": [1, null]}"
2,9223372036854775807,1e300,"say ""ä"" twice",2024-02-29,2025-01-01,false,null
3,,,"",,,,
"""
PLACES_YML = """\
title: Places
file: places.csv
key: name
point: {longitude: longitude, latitude: latitude}
columns:
  name: {type: text}
  longitude: {type: number, unit: degrees, minimum: -180, maximum: 180}
  latitude: {type: number, unit: degrees, minimum: -90, maximum: 90}
  kind: {type: text, enum: [a, b], description: What it is}
"""
PLACES = "name,longitude,latitude,kind\na/b&c?ä%,1.5,-2,a\nb.csv,,,\nc,0,0,b\n"
DAYS_YML = """\
title: Days
file: days.csv
key: day
columns:
  day: {type: date}
  code: {type: text, required: true, unique: true, pattern: "[[:upper:]]+[0-9]"}
"""
DAYS = "day,code\n2025-01-01,AB1\n2025-12-31,C2\n"
NOTES_YML = """\
title: Notes
writable: true
key: id
filters: [code, day]
columns:
  id: {type: integer, minimum: 1, maximum: 9007199254740991}
  code: {type: text, required: true, unique: true}
  part: {type: number, minimum: -0.5}
  day: {type: date}
  time: {type: timestamp}
  flag: {type: boolean}
  kind: {type: text, enum: [a, b]}
"""
WORDS_YML = """\
title: Words
writable: true
key: word
columns:
  word: {type: text}
  meaning: {type: text, required: true, pattern: "[a-z ]+"}
"""
# Narrower than what is allowed by default, but for 414, which the server says before the API is asked. What is sent
# twice, or for another state, no schema can tell.
CONFIGURATION = """\
[checks.negative_data_rejection]
expected-statuses = [400, 404, 405, 406, 409, 412, 414, 415, 422]
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", 404, 406, 409]
"""


@pytest.fixture(scope="module")
def served(postgres: Postgres, redis: Redis, s3: S3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    house = make_house(postgres, tmp_path_factory.mktemp("datasets"))
    house.put(KINDS, yml=KINDS_YML, name="kinds")
    house.put(PLACES, yml=PLACES_YML, name="places")
    house.put(DAYS, yml=DAYS_YML, name="days")
    house.put(yml=NOTES_YML, name="notes")
    house.put(yml=WORDS_YML, name="words")
    house.load()
    key = house.key("notes:write", "words:write")
    with house.serve({"WORKERS": "1", **redis.settings, **s3.settings}) as served:
        served.public.headers.update(key)
        yield served


def run(served: Served, folder: Path, *options: str) -> None:
    """Let Schemathesis look for failures, the same way in each run."""
    (folder / "schemathesis.toml").write_text(CONFIGURATION)
    document = f"{served.public.base_url}/openapi.json"
    call = [sys.executable, "-m", "schemathesis.cli", "run", document, "--checks", "all", "--seed", "1", "--no-color"]
    if key := served.public.headers.get("Authorization"):
        # By itself it asks without the key and with others too: that they are refused is one of its checks.
        call += ["--header", f"Authorization: {key}"]
    done = subprocess.run(
        [*call, "--continue-on-failure", "--warnings", "off", *options],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent), "SCHEMATHESIS_HOOKS": "valid_cases"},
        cwd=folder,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"Unexpected error"' not in served.log.read_text()


def test_random_requests_and_links(served: Served, tmp_path: Path) -> None:
    examples = str(settings().max_examples // 8)
    run(served, tmp_path, "--phases", "examples,fuzzing,stateful", "--max-examples", examples)


@pytest.mark.slow
def test_a_private_dataset_needs_its_key(postgres: Postgres, redis: Redis, s3: S3, tmp_path: Path) -> None:
    house = make_house(postgres, tmp_path)
    house.put(DAYS, yml=DAYS_YML.replace("key: day", "key: day\nprivate: true\nfilters: [code]"), name="days")
    house.put(PLACES, yml=PLACES_YML, name="places")
    house.load()
    key = house.key("days:read")
    limits = {"RATE_LIMIT_PER_MINUTE": "600000", "RATE_LIMIT_KEY_PER_MINUTE": "600000", "RATE_LIMIT_BURST": "100000"}
    with house.serve({"WORKERS": "1", **redis.settings, **limits, **s3.settings}) as served:
        wait_until(lambda: served.public.get("/days", headers=key).status_code == 200, "the key")
        few = ("--phases", "examples,fuzzing", "--max-examples", "3", "--include-tag", "days")
        # Without the key nothing is accepted, be it right or wrong; and what is said then is as described too.
        accepting = "positive_data_acceptance,negative_data_rejection"
        run(served, tmp_path, *few, "--exclude-checks", accepting)
        served.public.headers.update(key)
        run(served, tmp_path, *few)
        assert key["Authorization"] not in served.log.read_text()


@pytest.mark.slow
def test_every_bound_on_every_route(served: Served, tmp_path: Path) -> None:
    run(served, tmp_path, "--phases", "coverage")
