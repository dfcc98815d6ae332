"""The command line."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import rowhouse
from house import HEADER, STATIONS_YML, House
from parts import free_port


def test_help_names_every_command(house: House) -> None:
    done = house.run("--help")
    assert done.returncode == 0
    assert all(command in done.stdout for command in ("serve", "load", "check", "inspect", "openapi"))


def test_the_version_is_that_of_the_package(house: House) -> None:
    pyproject = (Path(__file__).parents[1] / "pyproject.toml").read_text()
    assert f'version = "{rowhouse.__version__}"' in pyproject
    assert house.run("--version").stdout.strip() == rowhouse.__version__


def test_check_says_ok(house: House) -> None:
    house.put_stations(1)
    done = house.run("check")
    assert (done.returncode, done.stdout) == (0, "OK: the settings and 1 dataset(s) are valid: stations\n")


def test_check_needs_no_more_than_a_pod_of_the_api_has(house: House, tmp_path: Path) -> None:
    house.put_stations(1)
    # A ConfigMap as the kubelet mounts it: files are links into a folder that is a link itself. No data anywhere.
    mounted = tmp_path / "mounted"
    (mounted / "..2026" / "stations").mkdir(parents=True)
    (mounted / "..2026" / "stations" / "dataset.yml").write_text(STATIONS_YML)
    (mounted / "..data").symlink_to("..2026")
    (mounted / "stations").symlink_to("..data/stations")
    # The role's variables; nobody answers behind these names.
    environment = {
        "ROWHOUSE_WORKERS": "2",
        "ROWHOUSE_DATABASE_POOL_SIZE": "5",
        "ROWHOUSE_DATABASE_HOST": "postgres",
        "ROWHOUSE_DATABASE_USER": "rowhouse_api",
        "ROWHOUSE_DATABASE_PASSWORD": "secret",
        "ROWHOUSE_REDIS_HOST": "redis",
        "ROWHOUSE_REDIS_PASSWORD": "secret",
        "ROWHOUSE_DATASETS_DIR": str(mounted),
    }
    done = House(house.folder, house.schema, environment).run("check")
    said = "OK: the settings and 1 dataset(s) are valid: stations\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")


def test_an_unknown_setting_stops_every_command(house: House) -> None:
    house.put_stations(1)
    for command in ("check", "load", "serve"):
        done = house.run(command, WORKRES="3")
        assert done.returncode == os.EX_CONFIG
        assert done.stderr == "rowhouse: ROWHOUSE_WORKRES: no such setting. Did you mean ROWHOUSE_WORKERS?\n"


def test_a_wrong_dataset_stops_every_command(house: House) -> None:
    house.put("", yml=STATIONS_YML.replace("title", "titel"))
    for command in ("check", "load", "serve"):
        done = house.run(command)
        assert done.returncode == os.EX_CONFIG
        assert "stations/dataset.yml: titel: no such key. Did you mean title?" in done.stderr
        assert "Traceback" not in done.stderr


def test_load_fails_with_the_reason_and_loads_the_other_datasets(house: House) -> None:
    house.put(HEADER + "x,,,,,\n", name="bad")
    house.put(HEADER, name="empty")
    house.put(HEADER + "1,,,,,\n", name="good")
    done = house.run("load")
    assert done.returncode == os.EX_DATAERR
    assert re.search(
        r"rowhouse: \S+/bad/stations\.csv: rejected rows: 1,.*\nline 2, column id: 'x' was refused: .* Row: 'x,,,,,'\n",
        done.stderr,
    )
    assert re.search(r"\S+/empty/stations\.csv: has no rows", done.stderr)
    assert done.stderr.endswith("\n2 of 3 datasets were not loaded: bad, empty.\n")
    assert house.tables() == ["good_v3"]


def test_load_without_a_file_says_where_it_should_be(house: House) -> None:
    house.put_stations(1)
    (house.folder / "stations" / "stations.csv").unlink()
    done = house.run("load")
    assert done.returncode == os.EX_DATAERR
    assert f"{house.folder}/stations/stations.csv: cannot be read (No such file or directory)" in done.stderr


def inspect(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `rowhouse inspect` without a single setting."""
    environment = {"PYTHONPATH": str(Path(rowhouse.__file__).parents[1])}
    call = [sys.executable, "-m", "rowhouse", "inspect", *arguments]
    return subprocess.run(call, env=environment, text=True, capture_output=True, check=False)


def test_inspect_writes_a_dataset_yml_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "stations.csv").write_text("id,name\n1,Köln\n")
    done = inspect(str(tmp_path / "stations.csv"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "title: Stations\n" in done.stdout
    assert done.stdout.endswith("columns:\n  id:\n    type: integer\n  name:\n    type: text\n    required: true\n")


@pytest.mark.parametrize(
    ("content", "arguments", "status", "said"),
    [
        (None, (), os.EX_NOINPUT, "a.csv: cannot be read (No such file or directory)"),
        ("", (), os.EX_DATAERR, "a.csv: is empty."),
        ("v\n1.5\n", (), os.EX_DATAERR, "a.csv: no column can be the key"),
        ("id\n1\n", ("--name", "A"), os.EX_CONFIG, "A/dataset.yml: the folder's name 'A' becomes the route"),
    ],
)
def test_inspect_fails_with_the_reason_alone(
    tmp_path: Path, content: str | None, arguments: tuple[str, ...], status: int, said: str
) -> None:
    if content is not None:
        (tmp_path / "a.csv").write_text(content)
    done = inspect(str(tmp_path / "a.csv"), *arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith("rowhouse: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_inspect_does_without_the_http_side_and_the_database() -> None:
    program = (
        "import sys, rowhouse.cli, rowhouse.infer.draft; "
        "print([name for name in ('falcon', 'sqlalchemy', 'psycopg2', 'redis') if name in sys.modules])"
    )
    environment = {"PYTHONPATH": str(Path(rowhouse.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", program], env=environment, text=True, capture_output=True, check=True)
    assert done.stdout == "[]\n"


def assert_interrupted(process: subprocess.Popen[str]) -> None:
    """Interrupt the program, as Ctrl-C does, and see it end with one line about it."""
    process.send_signal(signal.SIGINT)
    # When it was stopped before.
    process.send_signal(signal.SIGCONT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130, said
    assert said.endswith("rowhouse: interrupted\n")
    assert "Traceback" not in said


def test_inspect_can_be_interrupted(house: House) -> None:
    pipe = house.folder / "endless.csv"
    os.mkfifo(pipe)
    with house.start("inspect", str(pipe)) as process, pipe.open("w"):
        # It has opened the file, and waits for what never comes.
        assert_interrupted(process)


@pytest.mark.parametrize("suffix", ["csv", "ndjson"])
def test_a_load_can_be_interrupted(house: House, suffix: str) -> None:
    file = f"stations.{suffix}"
    rows = HEADER + "".join(f"{i},,,,,\n" for i in range(5000))
    if suffix == "ndjson":
        rows = "".join(f'{{"id": {i}}}\n' for i in range(5000))
    house.put(rows, yml=STATIONS_YML.replace("stations.csv", file))
    with house.stopped_load(0.5) as process:
        assert_interrupted(process)
    assert house.tables() == []


def test_waiting_for_postgresql_can_be_interrupted(house: House) -> None:
    house.put_stations(1)
    with house.start("load", DATABASE_PORT=str(free_port())) as process:
        assert process.stderr
        while "Waiting for PostgreSQL" not in process.stderr.readline():
            assert process.poll() is None
        assert_interrupted(process)
