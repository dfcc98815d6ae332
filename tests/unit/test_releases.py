"""Records of releases: what is kept of them, and which is chosen."""

import gzip
import json
from base64 import b64decode
from typing import Any

import pytest
from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError
from ansible_collections.rowhouse.platform.plugins.module_utils.release_text import table, told
from ansible_collections.rowhouse.platform.plugins.module_utils.releases import (
    KEPT,
    Release,
    current,
    facts_of,
    own_images,
    pack,
    read,
    superfluous,
    target,
    unpack,
    writable_datasets,
)

REGISTRY = "registry.example:5000"
API, REDIS = "rowhouse/api@sha256:1a", "cache.example/redis@sha256:2b"


def workload(kind: str, name: str, *images: str) -> dict[str, Any]:
    init, *others = images
    pod = {
        "initContainers": [{"name": "check", "image": init}],
        "containers": [{"name": "main", "image": image} for image in others],
    }
    return {"kind": kind, "metadata": {"name": name}, "spec": {"template": {"spec": pod}}}


def parts(
    host: str = REGISTRY, digest: str = "", job: str = "load-1", **settings: str
) -> dict[str, list[dict[str, Any]]]:
    descriptions = {"users.yml": "writable: true", "air.yml": "file: air.csv"}
    api = f"{host}/{API}{digest}"
    return {
        "namespace": [
            {"kind": "Namespace", "metadata": {"name": "n"}},
            {"kind": "ConfigMap", "metadata": {"name": "datasets-1"}, "data": descriptions},
        ],
        "load": [workload("Job", job, api, api)],
        "redis": [workload("Deployment", "redis", REDIS, REDIS)],
        "api": [
            {"kind": "ConfigMap", "metadata": {"name": "api"}, "data": settings},
            workload("Deployment", "api", api, api),
        ],
    }


def release(number: int, outcome: str = "good", **facts: Any) -> Release:
    defaults = {"outcome": outcome, "config": "c1", "images": [API], "reason": "pods: no\nlog"}
    return Release(number, defaults | facts, b"packed" if outcome == "good" else b"")


def test_objects_come_back_in_their_order_with_the_host_of_the_day() -> None:
    packed = pack(parts(), REGISTRY)
    assert REGISTRY.encode() not in gzip.decompress(packed)
    for host in (REGISTRY, "moved.example"):
        assert unpack(packed, host) == parts(host)
        assert list(unpack(packed, host)) == list(parts())


def test_facts_hold_each_image_once_and_no_host_of_ours() -> None:
    assert facts_of(parts(), REGISTRY)["images"] == [REDIS, API]
    assert facts_of(parts(), REGISTRY) == facts_of(parts("moved.example"), "moved.example")
    assert own_images(pack(parts(), REGISTRY)) == [("rowhouse/api", "sha256:1a")]


def test_settings_and_images_are_told_apart() -> None:
    before, setting, image = (
        facts_of(item, REGISTRY) for item in (parts(), parts(TTL="1"), parts(digest="2", job="load-2"))
    )
    assert (setting["config"] == before["config"], setting["images"] == before["images"]) == (False, True)
    assert (image["config"] == before["config"], image["images"] == before["images"]) == (True, False)


def test_a_secret_is_refused() -> None:
    with pytest.raises(RefusalError, match="Secret postgres is among what was applied"):
        pack({"postgres": [{"kind": "Secret", "metadata": {"name": "postgres"}}]}, REGISTRY)


def test_a_config_map_keeps_it_all() -> None:
    kept = release(7)
    config_map = kept.config_map("rowhouse-dev", {"app.kubernetes.io/instance": "dev"})
    assert config_map["immutable"]
    assert json.loads(config_map["data"]["release.json"])["outcome"] == "good"
    assert b64decode(config_map["binaryData"]["objects.json.gz"]) == b"packed"
    assert read(config_map) == kept
    assert read(release(8, "failed").config_map("n", {})).packed == b""


def test_a_record_that_is_too_large_is_refused() -> None:
    with pytest.raises(RefusalError, match=r"release-1 has 1,\d+,\d+ bytes, and a ConfigMap takes"):
        Release(1, release(1).facts, b"x" * 1024 * 1024).config_map("n", {})


@pytest.mark.parametrize(
    ("name", "data"), [("release-1", {}), ("release-1", {"release.json": "{"}), ("mine", {"release.json": "{}"})]
)
def test_a_config_map_that_is_no_record_is_named(name: str, data: dict[str, str]) -> None:
    with pytest.raises(RefusalError, match=f"ConfigMap {name} is labelled as the record of a release"):
        read({"metadata": {"name": name}, "data": data})


def test_the_newest_good_one_runs() -> None:
    releases = [release(1), release(12), release(3, "restored"), release(13, "failed")]
    found = current(releases)
    assert found
    assert found.number == 12
    assert current(releases[2:]) is None


def test_without_a_name_it_is_the_last_good_one_that_differs() -> None:
    releases = [
        release(1, config="a"),
        release(2, config="b"),
        release(3, "restored", config="x"),
        release(4, config="c"),
        release(5, config="c"),
    ]
    assert target(releases, "", "n").number == 2
    # Once more leads back.
    assert target([*releases, release(6, config="b")], "", "n").number == 5


@pytest.mark.parametrize("name", ["release-2", "2"])
def test_a_release_has_two_names(name: str) -> None:
    assert target([release(1), release(2), release(3)], name, "n").number == 2


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "No good release in n differs from the one that runs. Kept there: release-3 "),
        (
            "release-9",
            r"There is no release-9 in n. Kept there: release-3 \(restored\), release-2 \(good\), release-1 \(good\)",
        ),
        ("first", "There is no first in n"),
        ("release-3", "release-3 did not go well: pods: no\nKept in n: "),
    ],
)
def test_what_cannot_be_rolled_back_to_is_refused(name: str, problem: str) -> None:
    with pytest.raises(RefusalError, match=problem):
        target([release(1), release(2), release(3, "restored")], name, "n")


def test_without_any_it_says_so() -> None:
    with pytest.raises(RefusalError, match="Kept there: none"):
        target([], "", "n")


def test_ten_are_kept_and_what_runs_is_among_them() -> None:
    assert [old.number for old in superfluous(map(release, range(1, KEPT + 3)))] == [2, 1]
    failed = [release(1), release(2), *(release(number, "failed") for number in range(3, 3 + KEPT))]
    assert [old.number for old in superfluous(failed)] == [3, 1]
    assert [old.number for old in superfluous(failed[2:])] == []


def test_writable_datasets_are_known_by_their_descriptions() -> None:
    assert writable_datasets(parts()) == {"users"}


def described(name: str, **facts: Any) -> dict[str, Any]:
    defaults = {
        "at": "2025-01-02T03:04:05+00:00",
        "by": "ann@desk",
        "what": "deploy",
        "outcome": "good",
        "reason": "",
        "seconds": 12.3,
    }
    rest = {
        "commit": f"{'a' * 40}-dirty",
        "config": "c0ffee",
        "images": [f"rowhouse/api@sha256:{'b' * 64}"],
        "datasets": {},
    }
    return {"name": name} | defaults | rest | facts


def test_the_table_has_a_line_a_release() -> None:
    datasets = {"air": {"version": 3, "rows": 10, "writable": False}}
    first, second, third = table(
        [described("release-12", datasets=datasets), described("release-9", commit="none", reason="no\nlog")]
    )
    assert first.split("  ")[0].strip() == "release"
    assert second == (
        "release-12  2025-01-02 03:04:05  12.3     ann@desk  good     deploy  "
        "aaaaaaaaaa-dirty  c0ffee  api@bbbbbbbbbb  air:3"
    )
    assert third.startswith("release-9   2025")
    assert third.endswith("none              c0ffee  api@bbbbbbbbbb  -         no")


def test_a_rollback_says_how_its_data_came_back() -> None:
    def dataset(version: int, *, writable: bool = False) -> dict[str, Any]:
        return {"version": version, "rows": 1234, "writable": writable}

    source = described(
        "release-1", datasets={"kept": dataset(3), "gone": dataset(4), "users": dataset(5, writable=True)}
    )
    datasets = {"kept": dataset(3), "gone": dataset(9), "users": dataset(8, writable=True), "unknown": dataset(1)}
    made = described("release-7", what="rollback to release-1", datasets=datasets)
    assert told(made, source, is_new=True)[:-1] == [
        "release-7, rollback to release-1: good after 12.3 s, config c0ffee",
        "kept: version 3, 1,234 rows, which was kept",
        "gone: version 9, 1,234 rows, loaded again as version 4 was not kept",
        "users: rows that clients write, which no release touches",
        "unknown: version 1, 1,234 rows",
    ]
    assert told(made, None, is_new=False)[:2] == [
        "release-7 runs as before, config c0ffee",
        "kept: version 3, 1,234 rows",
    ]
