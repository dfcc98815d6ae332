"""The hash that decides whether an image is built again."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from ansible_collections.rowhouse.platform.plugins.module_utils.source_hash import (
    ImageRow,
    MissingSourceError,
    source_hash,
)

BASE: ImageRow = {"repository": "x/base", "recipe": "base", "sources": ["base"]}
APP: ImageRow = {"repository": "x/app", "recipe": "app", "base": "base", "sources": ["app/Containerfile", "app/src"]}


FILES = ("base/packages", "app/Containerfile", "app/src/b.py", "app/src/a.py", "app/src/c/d.py", "app/tests/test_a.py")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_sources(tmp_path / "one", FILES)


def make_sources(root: Path, files: Iterable[str]) -> Path:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"content of {name}\n")
    return root


def app_hash(root: Path, app: ImageRow = APP) -> str:
    return source_hash({"base": BASE, "app": app}, "app", root)


def test_two_copies_agree_whatever_their_place_and_the_order_of_sources(root: Path, tmp_path: Path) -> None:
    copy = make_sources(tmp_path / "elsewhere" / "two", reversed(FILES))
    (copy / "app/src/a.py").touch()
    turned: ImageRow = {**APP, "sources": ["app/src", "app/Containerfile"]}
    assert app_hash(root) == app_hash(copy, turned)
    assert len(app_hash(root)) == 64


@pytest.mark.parametrize("path", ["app/Containerfile", "app/src/a.py", "base/packages"])
def test_content_of_a_source_or_of_the_base_counts(root: Path, path: str) -> None:
    before = app_hash(root)
    (root / path).write_text("other\n")
    assert app_hash(root) != before


def test_a_new_file_a_new_name_and_the_executable_bit_count(root: Path) -> None:
    seen = {app_hash(root)}
    (root / "app/src/c.py").write_text("")
    seen.add(app_hash(root))
    (root / "app/src/c.py").rename(root / "app/src/d.py")
    seen.add(app_hash(root))
    (root / "app/src/d.py").chmod(0o755)
    seen.add(app_hash(root))
    assert len(seen) == 4


def test_what_running_the_code_leaves_and_what_is_no_source_do_not_count(root: Path) -> None:
    before = app_hash(root)
    for litter in ("app/src/__pycache__/a.pyc", "app/src/app.egg-info/PKG-INFO", "app/tests/test_b.py"):
        (root / litter).parent.mkdir(exist_ok=True)
        (root / litter).write_text("litter")
    (root / "app/src/a.py").chmod(0o664)
    assert app_hash(root) == before


def test_what_does_not_exist_is_named(root: Path) -> None:
    with pytest.raises(MissingSourceError, match="app/nowhere is a source of an image"):
        app_hash(root, {**APP, "sources": ["app/nowhere"]})
    with pytest.raises(MissingSourceError, match="no image nobody; it has base, app"):
        app_hash(root, {**APP, "base": "nobody"})
