"""The key of the backups: supplied, found or made, and never only in the cluster."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rowhouse.platform.plugins.action.backup_key import ActionModule
from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError


class Cluster:
    def __init__(self, key: str) -> None:
        self._key = key

    def get(self, *_: str) -> dict[str, Any] | None:
        data = {"key": b64encode(self._key.encode()).decode()}
        return {"metadata": {"name": "backup"}, "data": data} if self._key else None


def act(file: Path, *, supplied: str = "", kept: str = "", check: bool = False) -> dict[str, Any]:
    action = ActionModule.__new__(ActionModule)
    action._task = type("Task", (), {"check_mode": check})()
    action.connect = lambda *_: Cluster(kept)  # type: ignore[method-assign,assignment]
    arguments = {"namespace": "n", "kept_in": "backup", "file": str(file), "supplied": supplied}
    return action.act(arguments, {})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "all/backup.key"


def test_a_key_is_made_once_for_its_owner_alone(file: Path) -> None:
    made = act(file)
    assert made["changed"]
    assert made["_ansible_no_log"]
    assert (file.read_text(), file.stat().st_mode & 0o777) == (f"{made['key']}\n", 0o600)
    again = act(file, kept=made["key"])
    assert (again["changed"], again["key"]) == (False, made["key"])


def test_a_check_makes_no_file(file: Path) -> None:
    assert act(file, check=True)["changed"]
    assert not file.exists()


def test_a_supplied_key_is_written_nowhere(file: Path) -> None:
    assert act(file, supplied="mine") == {"changed": False, "key": "mine", "_ansible_no_log": True}
    assert not file.exists()


def test_a_key_that_only_the_cluster_has_is_handed_out(file: Path) -> None:
    assert act(file, kept="theirs")["key"] == "theirs"
    assert file.read_text() == "theirs\n"


def test_a_key_that_differs_is_refused_and_not_told(file: Path) -> None:
    with pytest.raises(RefusalError, match="backup_key differs from the key in the Secret backup of n") as told:
        act(file, supplied="mine", kept="theirs")
    assert "theirs" not in str(told.value)
    act(file, kept="old")
    with pytest.raises(RefusalError, match=r"backup\.key differs"):
        act(file, kept="new")
