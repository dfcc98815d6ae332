"""Secrets of somebody else: what is missing is named, what is in them is not."""

from base64 import b64encode
from typing import Any

import pytest
from ansible_collections.rowhouse.platform.plugins.module_utils.existing_secrets import secret_problems

FORMATS = {"auth.conf": {"key": "password", "format": "requirepass %s"}}


def secret(**texts: str) -> dict[str, Any]:
    return {"data": {key.replace("_", "."): b64encode(text.encode()).decode() for key, text in texts.items()}}


def problems(found: dict[str, Any] | None) -> list[str]:
    return list(secret_problems(found, "rowhouse-dev", ["password"], FORMATS))


def test_a_complete_secret_is_taken_with_whatever_else_is_in_it() -> None:
    assert problems(secret(password="swordfish", auth_conf="requirepass swordfish\n", other="x")) == []


def test_a_missing_secret_is_named_with_its_namespace() -> None:
    (problem,) = problems(None)
    assert problem.startswith("there is no such Secret in rowhouse-dev")


@pytest.mark.parametrize("found", [{}, {"data": None}, secret(password="", auth_conf="")])
def test_missing_and_empty_keys_are_named(found: dict[str, Any]) -> None:
    assert [problem.split(" (")[0] for problem in problems(found)] == [
        "the Secret in rowhouse-dev has no password",
        "the Secret in rowhouse-dev has no auth.conf",
    ]


def test_two_keys_that_differ_are_named_and_not_shown() -> None:
    (problem,) = problems(secret(password="swordfish", auth_conf="requirepass catfish"))
    assert problem == "auth.conf in the Secret is not requirepass PASSWORD, with what its key password holds."
