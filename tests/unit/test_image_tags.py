"""Under which tags the images of a commit are pushed, and which of them is deployed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEFAULTS = "collections/ansible_collections/rowhouse/platform/roles/stack/defaults/main.yml"
RELEASE = "1.2.3"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository of release 1.2.3 with one commit, which is on master too."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/image-tags", tmp_path / "scripts")
    (tmp_path / DEFAULTS).parent.mkdir(parents=True)
    (tmp_path / DEFAULTS).write_text(f"# Version\nstack_release: {RELEASE}\n")
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    merge(tmp_path)
    return tmp_path


def git(clone: Path, *words: str) -> str:
    person = {f"GIT_{role}_{field}": "x@example.com" for role in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")}
    command = ["git", "-c", "core.hooksPath=/dev/null", *words]
    return subprocess.run(
        command, cwd=clone, env=os.environ | person, capture_output=True, text=True, check=True
    ).stdout.strip()


def commit(clone: Path) -> str:
    git(clone, "commit", "--quiet", "--allow-empty", "--message", "A change")
    return git(clone, "rev-parse", "HEAD")


def merge(clone: Path) -> None:
    git(clone, "update-ref", "refs/remotes/origin/master", "HEAD")


def tags(clone: Path, ref: str) -> str:
    return asked(clone, ref, 0).stdout.strip()


def refusal(clone: Path, ref: str) -> str:
    return asked(clone, ref, 65).stderr


def asked(clone: Path, ref: str, status: int) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"REF": ref}
    done = subprocess.run(["scripts/image-tags"], cwd=clone, env=environment, capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    return done


@pytest.mark.parametrize("ref", ["development", "staging", ""])
def test_a_branch_has_the_commit(clone: Path, ref: str) -> None:
    assert tags(clone, ref) == git(clone, "rev-parse", "HEAD")


def test_master_has_the_release_first_then_stable_and_the_commit(clone: Path) -> None:
    assert tags(clone, "master") == f"{RELEASE} stable {git(clone, 'rev-parse', 'HEAD')}"


def test_a_release_has_its_number_only(clone: Path) -> None:
    git(clone, "tag", f"v{RELEASE}")
    assert tags(clone, f"v{RELEASE}") == RELEASE
    assert tags(clone, "master").startswith(RELEASE)


def test_a_release_is_made_once(clone: Path) -> None:
    git(clone, "tag", f"v{RELEASE}")
    commit(clone)
    merge(clone)
    assert f"Release {RELEASE} is another commit" in refusal(clone, "master")


def test_a_tag_that_is_not_this_source_is_refused(clone: Path) -> None:
    git(clone, "tag", "v9.9.9")
    assert f"tag the commit that is to go to production v{RELEASE}" in refusal(clone, "v9.9.9")


def test_a_tag_beside_master_is_refused(clone: Path) -> None:
    commit(clone)
    git(clone, "tag", f"v{RELEASE}")
    assert "is not on master: merge first" in refusal(clone, f"v{RELEASE}")
