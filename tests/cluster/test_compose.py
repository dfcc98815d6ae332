"""A deployment on one machine, by the lines of docs/without-ansible.md, with podman-compose in place of docker compose.

Nothing here can pull the stock images. Stand-ins are made of ours: they have nothing of what ours has for Rowhouse, and
run as the users that the stock ones run as.
"""

import gzip
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.machine import ROOT
from tests.cluster.output import Run, said
from tests.cluster.podman import Podman, podman
from tests.cluster.releases import STACK, TABLE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PAGE = (ROOT / "docs/without-ansible.md").read_text()
RENDER, *_, UP = re.findall(r"^```sh\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
PROJECT = "rowhouse-prod"
URL = "http://127.0.0.1:30802"
STAND_INS = {
    "postgres": (
        "USER 0:0",
        'RUN ["/bin/sh", "-ec", "sed -i /^postgres/s/10001:10001/999:999/ /etc/passwd; \\',
        "    rm -r /usr/local/bin/rowhouse-postgres /usr/local/share/rowhouse; \\",
        '    chown 999:999 /var/lib/postgresql/data; chmod 1777 /var/lib/postgresql/data"]',
        "ENV PGDATA=/var/lib/postgresql/data PGHOST=",
        "VOLUME /var/lib/postgresql/data",
        'ENTRYPOINT ["docker-entrypoint.sh"]',
        'CMD ["postgres"]',
    ),
    "redis": ("USER 0:0", "VOLUME /data", 'ENTRYPOINT ["docker-entrypoint.sh"]', 'CMD ["redis-server"]'),
}


def ours(image: str) -> str:
    return f"{STACK['stack_push_registry']}/{TABLE[image]['repository']}:{STACK['stack_release']}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, ansible_playbook: Run) -> Path:
    rendered = tmp_path_factory.mktemp("compose") / "rendered"
    (line,) = RENDER.splitlines()
    done = ansible_playbook(*line.replace("rendered/prod", str(rendered)).split()[1:])
    assert done.returncode == 0, said(done)
    return rendered / "compose"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    work = tmp_path_factory.mktemp("podman")
    with podman(work, STACK["stack_push_registry"]) as engine:
        for name, lines in STAND_INS.items():
            context = work / name
            context.mkdir()
            engine.build(f"localhost/{name}", (f"FROM {ours(name)}", *lines), context)
        engine.build("localhost/rowhouse-api", (f"FROM {ours('api')}",), work)
        try:
            yield engine
        finally:
            engine.run("podman", "rm", "--all", "--force", "--volumes", "--time=5")


@pytest.fixture(scope="module")
def up(engine: Podman, folder: Path) -> str:
    """Type what the page says; returns its last answer."""
    words = {
        "rendered/prod/compose": str(folder),
        "API_IMAGE=rowhouse-api": "API_IMAGE=localhost/rowhouse-api",
        "docker compose up": "printf '%s\\n' POSTGRES_IMAGE=localhost/postgres REDIS_IMAGE=localhost/redis >>.env\n"
        "podman-compose up",
        "curl ": "curl --fail --silent --show-error ",
    }
    script = UP
    for page, here in words.items():
        assert page in script
        script = script.replace(page, here)
    return engine.said("bash", "-euxo", "pipefail", "-c", script)


def inspect(engine: Podman, service: str) -> Any:
    (found,) = json.loads(engine.said("podman", "inspect", f"{PROJECT}_{service}_1"))
    return found


def rows(engine: Podman) -> int:
    answer = engine.said("curl", "--fail", "--silent", "--show-error", f"{URL}/air_quality")
    total: int = json.loads(answer)["meta"]["total"]
    return total


def test_the_lines_of_the_page_end_with_rows(engine: Podman, up: str) -> None:
    assert "DEBW087" in up
    assert rows(engine) == 149_151
    health = json.loads(engine.said("curl", "--silent", f"{URL}/api/health"))
    assert health["parts"]["database"] == health["parts"]["cache"] == "ok"


@pytest.mark.usefixtures("up")
def test_each_service_is_confined_and_finds_itself_healthy(engine: Podman) -> None:
    limits = {"postgres": 768, "redis": 192, "api": 512}
    for service, mebibytes in limits.items():
        found = inspect(engine, service)
        assert found["HostConfig"]["Memory"] == mebibytes * 2**20
        assert found["HostConfig"]["ReadonlyRootfs"] is True
        assert found["EffectiveCaps"] in (None, [])
        assert "no-new-privileges" in found["HostConfig"]["SecurityOpt"]
        status = Path(f"/proc/{found['State']['Pid']}/status").read_text()
        assert not re.search(r"^Uid:\t0", status, re.MULTILINE)
        engine.said("podman", "healthcheck", "run", f"{PROJECT}_{service}_1")
    assert inspect(engine, "load")["State"]["ExitCode"] == 0
    bindings = [inspect(engine, service)["HostConfig"]["PortBindings"] for service in limits]
    published = [place for ports in bindings for places in ports.values() for place in places or []]
    assert published == [{"HostIp": "127.0.0.1", "HostPort": "30802"}]


@pytest.mark.usefixtures("up")
def test_passwords_are_in_no_command_line(engine: Podman, folder: Path) -> None:
    lines = (folder / ".env").read_text().splitlines()
    passwords = [line.partition("=")[2] for line in lines if "PASSWORD=" in line]
    assert len(set(passwords)) == 4
    for service in ("postgres", "redis", "api"):
        command = Path(f"/proc/{inspect(engine, service)['State']['Pid']}/cmdline").read_text()
        assert not any(password in command for password in passwords), service


@pytest.mark.usefixtures("up")
def test_keys_are_made_where_the_load_runs(engine: Podman, folder: Path) -> None:
    done = engine.run("podman-compose", "run", "--rm", "load", "keys", "list", cwd=folder)
    assert done.returncode == 0, said(done)
    assert "scopes" in done.stdout


@pytest.mark.usefixtures("up")
def test_again_loads_what_is_new_and_nothing_else(engine: Podman, folder: Path) -> None:
    assert engine.run("podman-compose", "up", "--detach", cwd=folder).returncode == 0
    file = folder / "datasets/air_quality/air_quality.csv.gz"
    lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    file.write_bytes(gzip.compress(b"".join(lines[:1001])))
    assert engine.run("podman-compose", "up", "--detach", cwd=folder).returncode == 0
    deadline = time.monotonic() + 60
    while rows(engine) != 1000 and time.monotonic() < deadline:
        time.sleep(0.5)
    assert rows(engine) == 1000
    log = said(engine.run("podman", "logs", f"{PROJECT}_load_1"))
    assert "air_quality: Already loaded, version 1" in log
    assert re.search(r"air_quality: Loaded, version [2-9]", log)


@pytest.mark.usefixtures("up")
def test_our_images_do_by_three_lines_and_the_end_leaves_nothing(engine: Podman, folder: Path) -> None:
    down = engine.run("podman-compose", "down", "--volumes", cwd=folder)
    assert down.returncode == 0, said(down)
    for image in ("postgres", "redis"):
        engine.build(f"localhost/ours-{image}", (f"FROM {ours(image)}",), folder.parent)
    with (folder / ".env").open("a") as file:
        file.write("POSTGRES_IMAGE=localhost/ours-postgres\nREDIS_IMAGE=localhost/ours-redis\n")
    assert engine.run("podman-compose", "up", "--detach", cwd=folder).returncode == 0
    engine.said("curl", "--fail", "--silent", "--retry", "60", "--retry-delay", "1", "--retry-all-errors", URL)
    assert rows(engine) == 1000
    engine.run("podman-compose", "down", "--volumes", cwd=folder)
    assert engine.said("podman", "ps", "--all", "--quiet") == ""
    assert engine.said("podman", "volume", "ls", "--quiet") == ""
