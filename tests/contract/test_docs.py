"""What the pages of docs/ tell to copy is true."""

import re
from typing import Any

import pytest
import yaml

from tests.contract import role_readme

ROLES = role_readme.ROLES[0].parent
PAGES = (
    "access.md",
    "backups.md",
    "diagnostics.md",
    "external.md",
    "logging.md",
    "monitoring.md",
    "secrets.md",
    "without-ansible.md",
)


def page(name: str) -> str:
    return (role_readme.ROOT / "docs" / name).read_text(encoding="utf-8")


def blocks(name: str) -> list[Any]:
    """Return the YAML documents of a page."""
    return [
        item for block in re.findall(r"```yaml\n(.*?)```", page(name), re.DOTALL) for item in yaml.safe_load_all(block)
    ]


@pytest.mark.parametrize("name", PAGES)
def test_settings_are_those_of_a_role(name: str) -> None:
    options: dict[str, Any] = {}
    for path in ROLES.glob("*/meta/argument_specs.yml"):
        options |= yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"].get("options", {})
    set_there = {variable for item in blocks(name) if "kind" not in item for variable in item}
    assert set_there
    assert set_there <= options.keys()


def test_the_external_secrets_hold_the_keys_that_a_deployment_asks_for() -> None:
    named = yaml.safe_load((ROLES / "stack/vars/main/parts.yml").read_text(encoding="utf-8"))["stack_secrets"]
    asked = {row["variable"]: set(re.findall(r"[a-z]+-password", str(row["keys"]))) for row in named}
    postgres, redis, variables = blocks("secrets.md")
    assert variables["postgres_existing_secret"] == postgres["spec"]["target"]["name"]
    assert {entry["secretKey"] for entry in postgres["spec"]["data"]} == asked["postgres_existing_secret"]
    assert variables["redis_existing_secret"] == redis["spec"]["target"]["name"]
    formats = yaml.safe_load((ROLES / "redis/vars/main.yml").read_text(encoding="utf-8"))["redis_secret_formats"]
    template = redis["spec"]["target"]["template"]["data"]
    assert template.keys() == {"password", "auth.conf"}
    assert template["auth.conf"].replace("{{ .password }}", "%s") in formats
    assert "'auth.conf'" in formats


@pytest.mark.parametrize("name", [*PAGES, "releases.md"])
def test_links_lead_somewhere(name: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", page(name))
    assert targets
    assert [target for target in targets if not (role_readme.ROOT / "docs" / target).is_file()] == []
