#!/usr/bin/python
"""Writes several files in one go."""

from __future__ import annotations

DOCUMENTATION = """
module: write_files
short_description: Writes several files in one go
description:
  - Writes the files whose content differs, each by a rename, so that nobody reads half a file.
  - A task for each file would take as long for one as this takes for all.
author: Rowhouse
options:
  files:
    description: The files. Their folders must be there.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Where it lies.
        type: path
        required: true
      content:
        description: The whole text.
        type: str
        required: true
  mode:
    description: Permissions of all of them, in octal digits.
    type: str
    required: true
attributes:
  check_mode:
    description: Tells what would be written.
    support: full
  diff_mode:
    description: Shows no contents, which may be keys.
    support: none
"""

EXAMPLES = """
- name: Ensure the settings
  rowhouse.platform.write_files:
    files:
      - path: /etc/example/a.conf
        content: "a = 1\\n"
      - path: /etc/example/b.conf
        content: "b = 2\\n"
    mode: "0600"
"""

RETURN = """
written:
  description: Paths of the files that differed.
  type: list
  elements: str
  returned: always
"""

from pathlib import Path  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402


def differs(path: Path, content: bytes, mode: int) -> bool:
    """Return whether the file is missing or has another content or other permissions."""
    try:
        return path.read_bytes() != content or path.stat().st_mode & 0o7777 != mode
    except FileNotFoundError:
        return True


def write(path: Path, content: bytes, mode: int) -> None:
    """Put the file in place with its permissions, by a rename."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.touch(mode=0o600)  # before anything is in it that not everybody may read
    unfinished.write_bytes(content)
    unfinished.chmod(mode)
    unfinished.rename(path)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "path": {"type": "path", "required": True},
                    "content": {"type": "str", "required": True},
                },
            },
            "mode": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    mode = int(module.params["mode"], 8)
    files = {Path(file["path"]): file["content"].encode() for file in module.params["files"]}
    try:
        written = [path for path, content in files.items() if differs(path, content, mode)]
        if not module.check_mode:
            for path in written:
                write(path, files[path], mode)
    except OSError as error:
        module.fail_json(msg=f"cannot write {error.filename}: {error.strerror}")
    module.exit_json(changed=bool(written), written=[str(path) for path in written])


if __name__ == "__main__":
    main()
