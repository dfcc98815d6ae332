"""A rollback brings image, settings and data back together, and leaves alone what clients wrote."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cluster.registry import login, registry_with_login
from tests.cluster.rollback.conftest import URL, Deployment, places

STATES = {"a": ("Ulm",), "b": ("Ulm", "Bonn"), "c": ("Ulm", "Bonn", "Kiel"), "d": ("Hof",)}
# The last one knows more of a user.
EMAIL = {"email": {"type": "text"}}
USER = {"dni": "1", "name": "Ann Lee", "email": "ann@example.com"}


@pytest.fixture(scope="module")
def deployed(deployment: Deployment) -> Deployment:
    """Deploy the four states, one after the other, and write a user."""
    for name, rows in STATES.items():
        variables = deployment.build(name, *rows, users=EMAIL if name != "a" else None)
        deployment.succeeds("deploy.yml", **variables, api_settings={"http_max_age_seconds": len(rows)})
    made = deployment.succeeds("playbooks/keys.yml", keys_action="create", keys_name="t", keys_scopes="users:write")
    (token,) = set(re.findall(r"rh_[0-9A-Za-z]{38}", made))
    written = httpx.post(f"{URL}/users", json=USER, headers={"Authorization": f"Bearer {token}"})
    assert written.status_code == 201, written.text
    return deployment


def users() -> list[dict[str, Any]]:
    data = httpx.get(f"{URL}/users").raise_for_status().json()["data"]
    return [{name: value for name, value in row.items() if name != "id"} for row in data]


def test_a_load_that_was_kept_is_back_at_once(deployed: Deployment) -> None:
    words = deployed.succeeds("playbooks/rollback.yml", release="release-2")
    assert re.search(r"places: version \d+, 2 rows, which was kept", words), words
    assert places() == ["Ulm", "Bonn"]
    assert "max-age=2" in httpx.get(f"{URL}/places").headers["cache-control"]
    assert users() == [USER]
    made, *_ = deployed.releases()
    assert (made["name"], made["what"]) == ("release-5", "rollback to release-2")
    assert f"good after {made['seconds']} s" in words


def test_rows_that_the_older_schema_cannot_hold_are_in_the_way_and_nothing_is_lost(deployed: Deployment) -> None:
    words = deployed.fails("playbooks/rollback.yml", release="release-1")
    assert "email" in words
    assert "1 row" in words
    assert "release-5, the last good release, was put back and runs again" in words
    assert (places(), users()) == (["Ulm", "Bonn"], [USER])
    made, *_ = deployed.releases()
    assert (made["what"], made["outcome"]) == ("rollback to release-1", "restored")


def test_an_older_load_is_loaded_again_by_the_image_of_its_release(deployed: Deployment) -> None:
    # Four contents are one too many: that of release-3 and release-4 came before the ones that were current last.
    newer = deployed.build("e", "Trier", users=EMAIL)
    newest = deployed.build("f", "Jena", users=EMAIL)
    for variables in (newer, newest):
        deployed.succeeds("deploy.yml", **variables)
    words = deployed.succeeds("playbooks/rollback.yml", release="3")
    assert re.search(r"places: version \d+, 3 rows, loaded again as version \d+ was not kept", words), words
    assert (places(), users()) == (["Ulm", "Bonn", "Kiel"], [USER])


def test_a_release_whose_images_are_gone_is_refused(deployed: Deployment, tmp_path: Path) -> None:
    with registry_with_login(tmp_path) as host:
        (tmp_path / "auth.json").write_text(login(host))
        registry = {"stack_push_registry": host, "stack_push_authfile": str(tmp_path / "auth.json")}
        words = deployed.fails("playbooks/rollback.yml", release="release-2", **registry)
    assert "release-2 cannot be rolled back to: the registry no longer has" in words
    assert f"{host}/rowhouse/dataset@sha256:" in words
    assert places() == ["Ulm", "Bonn", "Kiel"]
