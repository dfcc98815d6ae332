"""Mistakes of the user, each refused before any change, with the name of what to mend."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.cluster.inventory import copied_inventory, main_file
from tests.cluster.machine import ROOT, STATE
from tests.cluster.output import Get, Run, changes, said


def refused(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode != 0, done.stdout
    assert changes(done) == 0
    return said(done)


@pytest.fixture
def deploy_dev(ansible_playbook: Run) -> Callable[..., str]:
    """Run a deployment of dev that must be refused; returns what it said."""

    def run(**variables: object) -> str:
        return refused(ansible_playbook("deploy.yml", "-i", "inventories/dev", "-e", json.dumps(variables)))

    return run


def test_a_misspelt_variable_is_named_with_file_and_nearest(tmp_path: Path, ansible_playbook: Run) -> None:
    inventory = copied_inventory(tmp_path)
    main = main_file(inventory)
    main.write_text(main.read_text() + "api_replcas: 3\n")
    output = refused(ansible_playbook("deploy.yml", "-i", str(inventory)))
    assert f"api_replcas in {main}: no role knows this variable. Did you mean api_replicas?" in output


def test_a_run_without_inventory_says_so(ansible_playbook: Run) -> None:
    output = refused(ansible_playbook("deploy.yml", "-i", "localhost,", "-c", "local"))
    assert "set stack_environment in group_vars/all/main.yml of the inventory" in output


def test_a_wrong_context_names_the_existing_ones_and_the_file(tmp_path: Path, ansible_playbook: Run) -> None:
    inventory = copied_inventory(tmp_path)
    main = main_file(inventory)
    main.write_text(main.read_text().replace("stack_context: dev", "stack_context: live"))
    output = refused(ansible_playbook("deploy.yml", "-i", str(inventory)))
    assert "stack_context is live" in output
    assert "only dev, molecule, prod, staging" in output
    assert f"Set stack_context in {main}" in output


def test_a_missing_kubeconfig_names_make_up(deploy_dev: Callable[..., str]) -> None:
    output = deploy_dev(stack_kubeconfig="/nowhere/kubeconfig")
    assert "There is no kubeconfig /nowhere/kubeconfig. Run `make up` for a local cluster, or set KUBECONFIG" in output


def test_a_cluster_that_does_not_answer_is_named(tmp_path: Path, deploy_dev: Callable[..., str]) -> None:
    kubeconfig = yaml.safe_load((STATE / "kubeconfig").read_text())
    for cluster in kubeconfig["clusters"]:
        cluster["cluster"]["server"] = "https://127.0.0.1:1"
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(kubeconfig))
    output = deploy_dev(stack_kubeconfig=str(path))
    assert f"The cluster of context dev in {path} does not answer at https://127.0.0.1:1" in output


@pytest.mark.alone
def test_no_default_storage_class_names_the_setting(
    kubectl: Run, get: Get, deploy_dev: Callable[..., str], ansible_playbook: Run
) -> None:
    mark = "storageclass.kubernetes.io/is-default-class"
    (default,) = [
        item["metadata"]["name"]
        for item in get("storageclass")["items"]
        if item["metadata"].get("annotations", {}).get(mark) == "true"
    ]
    kubectl("annotate", "storageclass", default, f"{mark}-")
    try:
        output = deploy_dev()
    finally:
        mended = ansible_playbook("playbooks/cluster.yml", "-i", "inventories/dev")
    assert changes(mended) == 1, said(mended)
    assert f"no default StorageClass (it has {default})" in output
    assert "Set postgres_storage_class in group_vars/all/main.yml" in output


def test_a_taken_port_names_its_owner_and_the_setting(kubectl: Run, deploy_dev: Callable[..., str]) -> None:
    kubectl("create", "service", "nodeport", "other", "--tcp=80", "--node-port=30812", "-n", "default")
    try:
        output = deploy_dev(api_node_port=30812)
    finally:
        kubectl("delete", "service", "other", "-n", "default")
    assert "Port 30812 is taken by Service other in namespace default. Set another api_node_port" in output


def test_a_missing_secret_of_somebody_else_is_named_with_the_setting(deploy_dev: Callable[..., str]) -> None:
    output = deploy_dev(postgres_existing_secret="absent")
    assert "postgres_existing_secret is absent: there is no such Secret in rowhouse-dev. Make it first" in output


def test_an_absent_image_names_the_build(deploy_dev: Callable[..., str]) -> None:
    output = deploy_dev(stack_release="9.9.9")
    assert ":9.9.9 is not in the registry. Run `ansible-playbook playbooks/build.yml -i inventories/dev`" in output


def test_a_registry_that_does_not_answer_is_named(deploy_dev: Callable[..., str]) -> None:
    output = deploy_dev(stack_push_registry="127.0.0.1:1")
    assert "The registry 127.0.0.1:1 does not answer" in output
    assert "stack_push_registry" in output


def test_source_newer_than_its_image_names_the_build(tmp_path: Path, deploy_dev: Callable[..., str]) -> None:
    for folder in ("api", "files", "collections"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    with (tmp_path / "api/src/rowhouse/__init__.py").open("a") as file:
        file.write("# newer\n")
    output = deploy_dev(stack_source_root=str(tmp_path))
    assert "rowhouse/api:" in output
    assert "was built from other sources than the ones here. Run `ansible-playbook playbooks/build.yml -i" in output


@pytest.fixture
def datasets_dir(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "files/datasets", tmp_path / "datasets")
    return tmp_path / "datasets"


def test_a_missing_data_file_is_named(datasets_dir: Path, deploy_dev: Callable[..., str]) -> None:
    file = datasets_dir / "air_quality/air_quality.csv.gz"
    file.unlink()
    assert f"{file} does not exist. Put the data there" in deploy_dev(stack_datasets_dir=str(datasets_dir))


def test_an_empty_data_file_is_named(datasets_dir: Path, deploy_dev: Callable[..., str]) -> None:
    file = datasets_dir / "air_quality/air_quality.csv.gz"
    file.write_bytes(b"")
    assert f"{file} is empty. Put the data there" in deploy_dev(stack_datasets_dir=str(datasets_dir))


def test_a_mistake_in_a_description_is_named(datasets_dir: Path, deploy_dev: Callable[..., str]) -> None:
    file = datasets_dir / "air_quality/dataset.yml"
    file.write_text(file.read_text().replace("type: integer", "type: integr"))
    output = deploy_dev(stack_datasets_dir=str(datasets_dir))
    assert f"{file}: columns.id.type: 'integr' is none of" in output


def test_an_unknown_setting_is_named_with_its_nearest(deploy_dev: Callable[..., str]) -> None:
    output = deploy_dev(api_settings={"cache_ttl_second": 5})
    assert "ROWHOUSE_CACHE_TTL_SECOND: no such setting. Did you mean ROWHOUSE_CACHE_TTL_SECONDS?" in output


def test_more_connections_than_the_database_takes_are_refused(deploy_dev: Callable[..., str]) -> None:
    output = deploy_dev(api_replicas=20)
    assert "but postgres_max_connections is 100. Raise it, or lower api_replicas" in output


@pytest.mark.parametrize("playbook", ["playbooks/cluster.yml", "playbooks/build.yml"])
def test_a_user_without_rights_is_told_to_be_root(playbook: str) -> None:
    # In a user namespace of its own a process is nobody, and may still read what belongs to root.
    command = ["unshare", "--user", str(ROOT / ".venv/bin/ansible-playbook"), playbook, "-i", "inventories/dev"]
    output = refused(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False))
    assert "as root" in output
