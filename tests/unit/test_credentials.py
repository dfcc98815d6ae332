"""Logins that a CI keeps as texts are files while a command runs, and nowhere else."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TELL = """
import json, os, pathlib
names = ("KUBECONFIG", "REGISTRY_AUTH_FILE")
files = {name: pathlib.Path(os.environ[name]) for name in names if name in os.environ}
print(json.dumps({name: [path.read_text(), oct(path.parent.stat().st_mode)] for name, path in files.items()}))
print(json.dumps([name for name in ("KUBECONFIG_CONTENT", "REGISTRY_LOGIN") if name in os.environ]))
"""


def run(tmp_path: Path, code: str, **texts: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in {"KUBECONFIG", "REGISTRY_AUTH_FILE"}}
    return subprocess.run(
        [ROOT / "scripts/credentials", sys.executable, "-c", code],
        env=clean | texts | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )


def test_the_command_finds_files_that_are_gone_afterwards(tmp_path: Path) -> None:
    done = run(tmp_path, TELL, KUBECONFIG_CONTENT="clusters: []", REGISTRY_LOGIN="{}")
    assert done.returncode == 0, done.stderr
    files, left_in_the_environment = (json.loads(line) for line in done.stdout.splitlines())
    assert {name: file[0] for name, file in files.items()} == {
        "KUBECONFIG": "clusters: []\n",
        "REGISTRY_AUTH_FILE": "{}\n",
    }
    assert {file[1] for file in files.values()} == {"0o40700"}
    assert left_in_the_environment == []
    assert list(tmp_path.iterdir()) == []


def test_without_texts_nothing_is_set(tmp_path: Path) -> None:
    assert run(tmp_path, TELL).stdout == "{}\n[]\n"


def test_the_status_is_that_of_the_command_and_the_files_go(tmp_path: Path) -> None:
    assert run(tmp_path, "raise SystemExit(7)", KUBECONFIG_CONTENT="x").returncode == 7
    assert list(tmp_path.iterdir()) == []
