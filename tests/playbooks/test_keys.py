"""playbooks/keys.yml, against an API that runs nothing."""

import copy
import hashlib
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.rowhouse.platform.plugins.filter.one_off_jobs import NAME, keys_job

from tests.contract import role_readme
from tests.unit.kubernetes_api import Kubernetes, served

CONTEXT = yaml.safe_load((role_readme.ROOT / "inventories/dev/group_vars/all/main.yml").read_text())["stack_context"]
LISTED = [{"id": "abcdefgh", "name": "importer", "scopes": ["users:write"]}]
# As the cluster has it after the deployment.
LOAD: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {
        "name": "load-1",
        "namespace": "rowhouse-dev",
        "uid": "1",
        "creationTimestamp": "2025-01-02T00:00:00Z",
        "labels": {NAME: "load", "app.kubernetes.io/instance": "dev"},
    },
    "spec": {
        "backoffLimit": 2,
        "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "1"}},
        "template": {
            "metadata": {
                "labels": {
                    NAME: "load",
                    "app.kubernetes.io/instance": "dev",
                    "batch.kubernetes.io/controller-uid": "1",
                    "batch.kubernetes.io/job-name": "load-1",
                    "controller-uid": "1",
                    "job-name": "load-1",
                },
            },
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "load", "image": "registry/dataset@sha256:1", "args": ["load"], "env": [1]}],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
            },
        },
    },
    "status": {"conditions": [{"type": "Complete", "status": "True"}]},
}


def job(name: str, **metadata: str) -> dict[str, Any]:
    """Return a load that has ended, with another image."""
    made = copy.deepcopy(LOAD)
    made["metadata"] |= {"name": name, **metadata}
    made["spec"]["template"]["spec"]["containers"][0]["image"] = name
    return made


def output(made: dict[str, Any]) -> str:
    words = made["spec"]["template"]["spec"]["containers"][0]["args"]
    return f'{{"message": "Waiting"}}\n{json.dumps(LISTED)}\n' if words[1] == "list" else "done\n"


def play(kubernetes: Kubernetes, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    with served(kubernetes, folder, CONTEXT) as kubeconfig:
        return subprocess.run(
            ["ansible-playbook", "playbooks/keys.yml", "--inventory=inventories/dev", *words],
            cwd=role_readme.ROOT,
            env={**os.environ, "KUBECONFIG": str(kubeconfig), "ANSIBLE_NOCOLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )


def test_a_key_is_made_here_and_only_its_hash_is_sent(tmp_path: Path) -> None:
    failed = job("failed", creationTimestamp="2025-01-03T00:00:00Z")
    failed["status"]["conditions"][0]["type"] = "Failed"
    jobs = {
        item["metadata"]["name"]: item
        for item in (LOAD, job("older", creationTimestamp="2024-01-01T00:00:00Z"), failed)
    }
    kubernetes = Kubernetes(jobs, output)
    words = "-ekeys_action=create -ekeys_name=importer -ekeys_scopes=users:write,stations:read -ekeys_expires=90d -vvv"
    done = play(kubernetes, tmp_path, *words.split())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed=1" in done.stdout
    (made,) = kubernetes.made
    (container,) = made["spec"]["template"]["spec"]["containers"]
    (token,) = set(re.findall("rh_[0-9A-Za-z]{38}", done.stdout))
    assert done.stdout.count(token) == 1
    assert container == {"name": "keys", "image": "registry/dataset@sha256:1", "env": [1], "args": container["args"]}
    assert container["args"] == [
        "keys",
        "add",
        f"--id={token[3:11]}",
        f"--digest={hashlib.sha256(token.encode()).hexdigest()}",
        "--scope=users:write",
        "--scope=stations:read",
        "--expires=90d",
        "--",
        "importer",
    ]
    assert token[11:] not in json.dumps(made)
    assert kubernetes.jobs.keys() == jobs.keys()


# Listed on the cluster too, by each run.
@pytest.mark.slow
def test_keys_are_listed_and_nothing_changes(tmp_path: Path) -> None:
    kubernetes = Kubernetes({"load-1": LOAD}, output)
    done = play(kubernetes, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed=0" in done.stdout
    assert "abcdefgh" in done.stdout
    assert kubernetes.jobs.keys() == {"load-1"}


def test_a_job_that_fails_says_why_and_is_removed(tmp_path: Path) -> None:
    kubernetes = Kubernetes({"load-1": LOAD}, lambda _: "")
    done = play(kubernetes, tmp_path, "-ekeys_action=revoke", "-ekeys_id=abcdefgh")
    assert done.returncode == 2
    assert "Job failed: it ended" in done.stdout
    assert kubernetes.made[0]["spec"]["template"]["spec"]["containers"][0]["args"] == [
        "keys",
        "revoke",
        "--",
        "abcdefgh",
    ]
    assert kubernetes.jobs.keys() == {"load-1"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("-ekeys_action=revoke", "needs keys_id"),
        ("-ekeys_action=list", "No load is complete in rowhouse-dev: run deploy.yml first"),
    ],
)
def test_what_cannot_be_done_is_refused(tmp_path: Path, words: str, said: str) -> None:
    kubernetes = Kubernetes({}, output)
    done = play(kubernetes, tmp_path, words)
    assert done.returncode == 2
    assert said in " ".join(done.stdout.split())
    assert not kubernetes.made


def test_the_jobs_pod_is_a_loads_to_the_network_and_the_job_is_none() -> None:
    made = keys_job(LOAD, ["list"])
    assert made["metadata"]["labels"] == {NAME: "keys", "app.kubernetes.io/instance": "dev"}
    pod = made["spec"]["template"]
    assert pod["metadata"]["labels"] == {NAME: "load", "app.kubernetes.io/instance": "dev"}
    assert pod["spec"]["volumes"] == LOAD["spec"]["template"]["spec"]["volumes"]
    assert made["spec"]["backoffLimit"] == 0
    assert made["metadata"]["name"] != keys_job(LOAD, ["list"])["metadata"]["name"]


def test_no_word_is_a_variable_to_the_kubelet() -> None:
    made = keys_job(LOAD, ["add", "$(ROWHOUSE_DATABASE_PASSWORD)"])
    assert made["spec"]["template"]["spec"]["containers"][0]["args"][-1] == "$$(ROWHOUSE_DATABASE_PASSWORD)"
