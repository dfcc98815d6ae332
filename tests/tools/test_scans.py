"""The scans of the pipelines: what they look for, they find."""

import secrets
import shutil
import subprocess
from pathlib import Path

from tests.cluster.checkout import copy_checkout

ROOT = Path(__file__).parents[2]


def scan(verb: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", verb], cwd=folder, capture_output=True, text=True, timeout=900)


def test_no_commit_holds_a_secret() -> None:
    done = scan("scan-secrets")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_token_is_found_before_it_is_committed_and_after(tmp_path: Path) -> None:
    copy_checkout(tmp_path)
    words = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "All of it"]):
        subprocess.run([*words, *command], cwd=tmp_path, check=True)
    (tmp_path / "notes.md").write_text(f"token: ghp_{secrets.token_hex(18)}\n")
    assert scan("scan-secrets", tmp_path).returncode != 0
    for command in (["add", "-A"], ["commit", "-q", "-m", "A mistake"]):
        subprocess.run([*words, *command], cwd=tmp_path, check=True)
    (tmp_path / "notes.md").unlink()
    found = scan("scan-secrets", tmp_path)
    assert found.returncode != 0
    assert "notes.md" in found.stdout + found.stderr
    # It is not shown to all who can read the pipeline's log.
    assert "ghp_" not in found.stdout + found.stderr
    shutil.rmtree(tmp_path)
