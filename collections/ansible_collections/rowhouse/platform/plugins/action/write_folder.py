"""Action `write_folder`: a folder with these files, and without those that an earlier call wrote and this one does not.

Files that somebody else put there stay. What was written is listed in the file .written of the folder.

folder      made where it is missing
files       folder in the folder to its files: path in that to text
copies      path in the folder to the file that it is a copy of
"""

import filecmp
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.action import Action, required
from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError

LIST = ".written"
# Whoever runs the containers reads them.
FILE_MODE = 0o644
FOLDER_MODE = 0o755


class ActionModule(Action):
    ARGUMENTS = required(folder="path", files="dict", copies="dict")

    def act(self, arguments: dict[str, Any], _variables: Mapping[str, Any]) -> dict[str, Any]:
        contents: dict[str, str | Path] = {
            f"{within}/{name}": str(text)
            for within, texts in arguments["files"].items()
            for name, text in texts.items()
        }
        contents |= {name: Path(source) for name, source in arguments["copies"].items()}
        try:
            lines = list(write_folder(Path(arguments["folder"]), contents, dry_run=self._task.check_mode))
        except OSError as error:
            raise RefusalError(f"cannot write {error.filename}: {error.strerror}") from error
        return self.found(lines)


def write_folder(folder: Path, contents: Mapping[str, str | Path], *, dry_run: bool) -> Iterator[str]:
    """Yield a line for each change, and make it unless it is a dry run.

    Args:
        folder: Made where it is missing.
        contents: Path in it to the text or to the file that is copied.
        dry_run: Change nothing.
    """
    listed = (folder / LIST).read_text().splitlines() if (folder / LIST).exists() else []
    for name, content in {**contents, LIST: "".join(f"{name}\n" for name in sorted(contents))}.items():
        if _differs(folder / name, content):
            yield f"writes {folder / name}"
            if not dry_run:
                _put(folder / name, content)
    for name in listed:
        if name not in contents and (folder / name).exists():
            yield f"removes {folder / name}"
            if not dry_run:
                (folder / name).unlink()


def _differs(path: Path, content: str | Path) -> bool:
    if not path.is_file():
        return True
    if isinstance(content, Path):
        return not filecmp.cmp(content, path, shallow=False)
    return path.read_bytes() != content.encode()


def _put(path: Path, content: str | Path) -> None:
    """Put a file in place by a rename, so that nobody reads half of it."""
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    if isinstance(content, Path):
        shutil.copyfile(content, unfinished)
    else:
        unfinished.write_text(content, encoding="utf-8")
    unfinished.chmod(FILE_MODE)
    unfinished.rename(path)
