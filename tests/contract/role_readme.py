"""The table of variables in a role's README.md, made from its defaults and argument_specs.

python tests/contract/role_readme.py    rewrites the tables of all roles
"""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
ROLES = sorted(
    path.parent.parent
    for path in ROOT.glob("collections/ansible_collections/rowhouse/platform/roles/*/meta/argument_specs.yml")
)
BEGIN, END = "<!-- variables -->\n", "<!-- /variables -->"


def with_table(role: Path) -> str:
    """Return the README of the role with its table made anew."""
    readme = (role / "README.md").read_text(encoding="utf-8")
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{_table(role)}\n{END}{after}"


def _table(role: Path) -> str:
    defaults = yaml.safe_load((role / "defaults/main.yml").read_text(encoding="utf-8"))
    specs = yaml.safe_load((role / "meta/argument_specs.yml").read_text(encoding="utf-8"))
    options = specs["argument_specs"]["main"].get("options", {})
    rows = [f"| `{name}` | {_default(value)} | {_text(options[name])} |" for name, value in (defaults or {}).items()]
    return "".join(f"{row}\n" for row in ["| variable | default | purpose |", "| --- | --- | --- |", *rows])


def _default(value: object) -> str:
    if isinstance(value, str) and "undef(" in value:
        return "required"
    if value in ("", None):
        return "" if value == "" else "`null`"
    if isinstance(value, str):
        return f"`{value.strip()}`"
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False)
    return f"`{text.removesuffix('...\n').strip()}`"


def _text(option: dict[str, Any]) -> str:
    description = option["description"]
    return description if isinstance(description, str) else " ".join(description)


if __name__ == "__main__":
    for folder in ROLES:
        (folder / "README.md").write_text(with_table(folder), encoding="utf-8")
