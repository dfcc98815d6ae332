"""A folder that is written again and again."""

from pathlib import Path

from ansible_collections.rowhouse.platform.plugins.action.write_folder import write_folder


def write(folder: Path, contents: dict[str, str | Path], *, dry_run: bool = False) -> list[str]:
    return [line.replace(f"{folder}/", "") for line in write_folder(folder, contents, dry_run=dry_run)]


def test_what_differs_is_written_and_what_is_no_longer_wanted_goes(tmp_path: Path) -> None:
    source = tmp_path / "data.csv"
    source.write_text("1")
    folder = tmp_path / "folder"
    contents: dict[str, str | Path] = {"a/b": "ä", "c": "", "d/data.csv": source}
    everything = ["writes a/b", "writes c", "writes d/data.csv", "writes .written"]
    assert write(folder, contents, dry_run=True) == everything
    assert not folder.exists()
    assert write(folder, contents) == everything
    assert (folder / "a/b").read_text(encoding="utf-8") == "ä"
    assert write(folder, contents) == []

    source.write_text("2")
    assert write(folder, contents) == ["writes d/data.csv"]
    (folder / "mine").touch()
    del contents["a/b"]
    assert write(folder, contents, dry_run=True) == ["writes .written", "removes a/b"]
    assert write(folder, contents) == ["writes .written", "removes a/b"]
    assert write(folder, contents) == []
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == [".written", "c", "data.csv", "mine"]
