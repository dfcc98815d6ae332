"""One fact, one place."""

import importlib.metadata
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract import role_readme

ROOT = role_readme.ROOT
COLLECTION = ROOT / "collections/ansible_collections/rowhouse/platform"
MAXIMAL_LINES = 300
# Lock files, pictures and what Go writes about modules are data, made by tools.
DATA = re.compile(
    r"(^|/)(requirements(-peers)?\.txt|go\.mod|go\.sum)$|\.png$|^files/datasets/.*\.(csv|gz|json|ndjson)$"
)


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_the_release_is_the_same_everywhere() -> None:
    release = load(COLLECTION / "roles/stack/defaults/main.yml")["stack_release"]
    assert load(COLLECTION / "galaxy.yml")["version"] == release
    assert tomllib.loads((ROOT / "api/pyproject.toml").read_text(encoding="utf-8"))["project"]["version"] == release


def test_images_are_named_in_one_file() -> None:
    repositories = re.compile(r"\browhouse/(python|api|dataset|tools|backup|postgres|redis|monitoring)\b(?!\.)")
    place = COLLECTION / "roles/stack/vars/main/images.yml"
    files = tracked("collections", "playbooks", "inventories")
    # The base in a Containerfile is only the default for a build by hand.
    named = {path for path in files if path.name != "Containerfile" and repositories.search(_text(path))}
    assert named == {place}


def test_a_backup_is_restored_by_the_server_that_is_deployed() -> None:
    folder = COLLECTION / "roles/images/files"
    lists = [
        {line for line in (folder / name / "packages").read_text().splitlines() if line and line[0] not in "#!"}
        for name in ("postgres", "tools")
    ]
    assert lists[1] - lists[0] == {"restic"}
    assert lists[0] <= lists[1]


def test_templates_take_images_from_the_table() -> None:
    images = [
        line.strip().removeprefix("- ")
        for path in COLLECTION.glob("roles/*/templates/*.yaml.j2")
        for line in _text(path).splitlines()
        if re.match(r"\s*(- )?image:", line)
    ]
    assert images
    assert [image for image in images if not re.fullmatch(r"image: \{\{ stack_images\.\w+ \}\}", image)] == []


def test_the_cluster_is_changed_by_modules_only() -> None:
    """The local cluster's own start cannot ask a cluster through its API yet."""
    files = [path for path in tracked("collections", "playbooks") if path.suffix in {".yml", ".yaml"}]
    calls = re.compile(r"(command|shell|cmd|argv):.*\bkubectl\b")
    assert [path for path in files if "local_cluster" not in path.parts and calls.search(_text(path))] == []


def test_no_secret_is_written_down() -> None:
    files = [path for path in tracked("collections", "playbooks", "inventories", "molecule") if path.suffix == ".yml"]
    assert [f"{path}: {name}" for path in files for name in _secrets(load(path))] == []


@pytest.mark.parametrize("item", load(ROOT / "requirements.yml")["collections"], ids=lambda item: item["name"])
def test_requirements_are_what_the_bundle_carries(item: dict[str, str]) -> None:
    bundle = importlib.metadata.distribution("ansible").locate_file("ansible_collections")
    manifest = Path(str(bundle), *item["name"].split("."), "MANIFEST.json")
    assert load(manifest)["collection_info"]["version"] == item["version"]


def test_no_file_is_long() -> None:
    names = [path for path in tracked() if not DATA.search(str(path.relative_to(ROOT)))]
    assert [path for path in names if _text(path).count("\n") > MAXIMAL_LINES] == []


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _secrets(content: object) -> Iterator[str]:
    """Yield names of passwords, tokens and keys that are given a literal value."""
    if isinstance(content, dict):
        for name, value in content.items():
            if (
                re.search(r"(password|token|secret|access_key|secret_key)$", str(name))
                and isinstance(value, str)
                and value
            ):
                if "{{" not in value:
                    yield str(name)
            else:
                yield from _secrets(value)
    elif isinstance(content, list):
        for item in content:
            yield from _secrets(item)
