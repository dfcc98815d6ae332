"""Data as the text of a YAML file that people read."""

import json
from typing import Any, ClassVar

import yaml


def yaml_text(value: object, note: str = "") -> str:
    """Return the text, members in their order and texts of several lines as such; a note becomes its first lines."""
    # Through JSON, as Ansible's texts and lists are of kinds that YAML has no words for.
    plain = json.loads(json.dumps(value))
    text = yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return "".join(f"# {line}\n" for line in note.splitlines()) + text


class _Dumper(yaml.SafeDumper):
    """Writes a list below its key further in, and lines as lines."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - never
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - none at all
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)

    yaml_representers: ClassVar[dict[type, Any]] = {**yaml.SafeDumper.yaml_representers, str: represent_str}
