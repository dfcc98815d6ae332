"""Two loads of the same content at once make one version, and a walk that meets the switch stays in its own."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.cluster.faults.conftest import NAMESPACE, URL, Note, Release
from tests.cluster.faults.parts import multiplied, wait_until
from tests.cluster.load import steady_load
from tests.cluster.output import Get, Run, said

COPIES = 4
TWIN = "load-twin"


def twin(job: dict[str, Any]) -> dict[str, Any]:
    """Copy a Job without what ties it to its pods. Its own labels stay behind: no deployment has to care for it."""
    template = job["spec"]["template"]
    labels = {
        name: text
        for name, text in template["metadata"]["labels"].items()
        if not name.endswith(("controller-uid", "job-name"))
    }
    spec = {name: value for name, value in job["spec"].items() if name not in ("selector", "manualSelector")}
    spec["template"] = template | {"metadata": template["metadata"] | {"labels": labels}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": TWIN, "namespace": NAMESPACE}, "spec": spec}


def pages() -> Iterator[tuple[int, list[int]]]:
    """Walk along all pages; yields the version and the keys of each."""
    path: str | None = "/air_quality?limit=1000"
    with httpx.Client(base_url=URL, timeout=10) as client:
        while path:
            answer = client.get(path).raise_for_status().json()
            yield answer["meta"]["version"], [row["id"] for row in answer["data"]]
            path = answer["links"]["next"]


def loads(get: Get) -> dict[str, dict[str, Any]]:
    return {job["metadata"]["name"]: job for job in get("jobs", "-n", NAMESPACE)["items"]}


@pytest.mark.timeout(400)
@pytest.mark.usefixtures("_default_data")
def test_two_loads_at_once_and_a_walk_beside_them(
    client: httpx.Client, kubectl: Run, get: Get, note: Note, deploy: Run, another_release: Release
) -> None:
    variables = another_release(lambda rows: multiplied(rows, COPIES))
    old = client.get("/air_quality").json()["meta"]
    earlier = loads(get).keys()
    walk = pages()
    walked = [next(walk)]
    try:
        with steady_load(f"{URL}/air_quality", fresh=True) as load, ThreadPoolExecutor(1) as beside:
            deployed = beside.submit(deploy, **variables)
            wait_until(lambda: loads(get).keys() > earlier or deployed.done())
            (job,) = loads(get).keys() - earlier
            kubectl("create", "-f", "-", stdin=json.dumps(twin(loads(get)[job])))
            while client.get("/air_quality?limit=1").json()["meta"]["version"] == old["version"]:
                assert not deployed.done(), said(deployed.result())
                # Half of the pages are kept for later, so that the switch falls into the walk.
                if len(walked) < old["total"] // 2000:
                    walked.append(next(walk))
                time.sleep(0.1)
            walked += walk
            done = deployed.result()
            assert done.returncode == 0, said(done)
            wait_until(lambda: loads(get)[TWIN]["status"].get("succeeded") == 1)
        said_by = [kubectl("logs", f"job/{name}", "-n", NAMESPACE).stdout for name in (job, TWIN)]
    finally:
        kubectl("delete", "job", TWIN, "-n", NAMESPACE, "--ignore-not-found")
    new = client.get("/air_quality").json()["meta"]
    # The one that came later found the version that the other one had made.
    assert sorted("air_quality: Already loaded, version" in text for text in said_by) == [False, True]
    assert all(f", version {new['version']}," in text for text in said_by), said_by
    assert new["total"] == old["total"] * COPIES + 1
    assert load.failures == []
    note(
        "two Jobs load the same content at once",
        "both end well, one version",
        f"both say version {new['version']}; {load.requests} requests meanwhile, none failed",
    )
    keys = [key for _, page in walked for key in page]
    assert {version for version, _ in walked} == {old["version"]}
    assert keys == sorted(set(keys))
    assert len(keys) == old["total"]
    note(
        "a walk along all pages while a load switches the version",
        "each row of one version exactly once",
        f"{len(keys)} rows on {len(walked)} pages, all of version {old['version']}, the last ones after the switch",
    )
