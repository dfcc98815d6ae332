"""A load that is killed half-way changes nothing, and one that ends is seen in every pod at once."""

import base64
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import httpx
import pytest

from tests.cluster.faults.conftest import NAMESPACE, URL, Note, Release
from tests.cluster.faults.parts import api_pods, multiplied, wait_until
from tests.cluster.load import steady_load
from tests.cluster.output import Get, Run, said

type Ask = Callable[[str], int]

COPIES = 8
# Tables of rows beside those of versions that are kept, and versions of the content that is served.
LEFT_OVER = """
SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE 'air_quality_v%'
    AND relname NOT IN (SELECT dataset || '_v' || version FROM rowhouse.dataset_version)
"""
OF_THIS_CONTENT = """
SELECT count(*) FROM rowhouse.dataset_version JOIN rowhouse.dataset_pointer AS current USING (dataset)
WHERE dataset = 'air_quality'
    AND content_hash = (SELECT content_hash FROM rowhouse.dataset_version WHERE version = current.version)
"""


@pytest.fixture
def ask_database(kubectl: Run, get: Get) -> Ask:
    """Ask PostgreSQL for one number, in its pod."""
    data = get("secret", "postgres", "-n", NAMESPACE)["data"]
    password = base64.b64decode(data["superuser-password"]).decode()

    def run(sql: str) -> int:
        # A password on a command line could be read by others.
        psql = "read -r PGPASSWORD; export PGPASSWORD; exec psql -qAtX -h /run/postgresql -U postgres -d rowhouse -f -"
        words = ["exec", "--stdin", "postgres-0", "-n", NAMESPACE, "--", "sh", "-c", psql]
        return int(kubectl(*words, stdin=f"{password}\n{sql};\n").stdout)

    return run


@contextmanager
def first_seen(addresses: dict[str, str], old: int) -> Iterator[dict[str, float]]:
    """Watch every pod; yields seconds from the end of the load to its first answer of a newer version, by pod."""
    seen: dict[str, float] = {}
    over = threading.Event()

    def watch(name: str, address: str) -> None:
        with httpx.Client(base_url=f"http://{address}:8000") as client:
            while not over.wait(0.02):
                meta = client.get("/air_quality?limit=1").json()["meta"]
                if meta["version"] != old:
                    seen[name] = time.time() - datetime.fromisoformat(meta["loaded_at"]).timestamp()
                    return

    threads = [threading.Thread(target=watch, args=item) for item in addresses.items()]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()


@pytest.mark.timeout(400)
@pytest.mark.usefixtures("_default_data")
def test_a_killed_load_and_its_next_try(
    client: httpx.Client, kubectl: Run, get: Get, note: Note, deploy: Run, another_release: Release, ask_database: Ask
) -> None:
    variables = another_release(lambda rows: multiplied(rows, COPIES))
    old = client.get("/air_quality").json()["meta"]
    jobs = ["-n", NAMESPACE, "-l", "app.kubernetes.io/name=load", "--field-selector=status.phase=Running"]
    killed: list[str] = []

    def kill_the_first() -> None:
        def is_loading() -> bool:
            killed[:] = [pod["metadata"]["name"] for pod in get("pods", *jobs)["items"]]
            return any("loading" in kubectl("logs", name, "-n", NAMESPACE, check=False).stdout for name in killed)

        wait_until(is_loading, seconds=200)
        kubectl("delete", "pod", *killed, "-n", NAMESPACE, "--force", "--grace-period=0")

    killer = threading.Thread(target=kill_the_first)
    with steady_load(f"{URL}/air_quality", fresh=True) as load, first_seen(api_pods(get), old["version"]) as seen:
        killer.start()
        done = deploy(**variables)
        killer.join()
        assert done.returncode == 0, said(done)
        wait_until(lambda: len(seen) == len(api_pods(get)))
    new = client.get("/air_quality").json()["meta"]
    *_, job = sorted(get("jobs", "-n", NAMESPACE)["items"], key=lambda job: str(job["metadata"]["creationTimestamp"]))
    assert (job["status"]["failed"], job["status"]["succeeded"]) == (len(killed), 1)
    assert new["total"] == old["total"] * COPIES + 1
    assert load.failures == []
    assert max(seen.values()) < 2
    assert (ask_database(LEFT_OVER), ask_database(OF_THIS_CONTENT)) == (0, 1)
    note(
        "the pod of a load is killed half-way",
        "the old version is served on, the next try ends well, one version and nothing left over",
        f"version {old['version']} until version {new['version']}; {load.requests} requests meanwhile, none failed",
    )
    note(
        "a new version while clients ask",
        "every replica serves it within 1 s",
        f"seen in {len(seen)} pods at most {max(seen.values()):.2f} s after its rows were complete",
    )
