"""What a deployment asks the API at its end is what anybody may read."""

import json
import subprocess
from pathlib import Path

from tests.contract import role_readme

VARIABLES = role_readme.ROLES[0].parent / "api/vars/main.yml"


def test_the_first_dataset_that_is_not_private_is_asked_for(tmp_path: Path) -> None:
    deployed = [
        {"a": "private: true", "b": "title: B", "c": "private: false"},
        {"a": "private: true"},
        {"a": "private: false"},
    ]
    task = {"debug": {"msg": "asks {{ __api_path }}"}, "loop": deployed, "loop_control": {"loop_var": "stack_datasets"}}
    play = {"hosts": "localhost", "gather_facts": False, "vars_files": [str(VARIABLES)], "tasks": [task]}
    playbook = tmp_path / "play.yml"
    playbook.write_text(json.dumps([play]))
    call = ["ansible-playbook", "--inventory=localhost,", "--connection=local", str(playbook)]
    said = subprocess.run(call, cwd=role_readme.ROOT, capture_output=True, text=True, check=True).stdout
    asked = [line.partition("asks ")[2] for line in said.splitlines() if "asks " in line]
    assert asked == ["/b?limit=1", "/health", "/a?limit=1"]
