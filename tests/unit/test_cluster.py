"""What is refused before any change: kubeconfig, context, storage, port."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster import Cluster, ClusterError
from ansible_collections.rowhouse.platform.plugins.module_utils.preconditions import (
    DEFAULT_CLASS,
    refuse_storage,
    refuse_taken_port,
)


def storage_class(name: str, default: str | None = None) -> dict[str, Any]:
    return {"metadata": {"name": name, "annotations": {DEFAULT_CLASS: default} if default else {}}}


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    path = tmp_path / "kubeconfig"
    content = {
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in ("prod", "dev")],
        "current-context": "dev",
    }
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_missing_kubeconfig_names_the_two_ways_out(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"no kubeconfig .*/nowhere\. Run `make up`.*, or set KUBECONFIG"):
        Cluster.connect(str(tmp_path / "nowhere"), "dev", tmp_path)


def test_a_wrong_context_names_the_existing_ones_the_setting_and_its_file(kubeconfig: Path, tmp_path: Path) -> None:
    file = tmp_path / "group_vars/all/main.yml"
    file.parent.mkdir(parents=True)
    file.write_text("stack_context: live\n")
    with pytest.raises(ClusterError, match=r"stack_context is live, .* only dev, prod\. ") as raised:
        Cluster.connect(str(kubeconfig), "live", tmp_path)
    assert f"Set stack_context in {file}" in str(raised.value)


def test_a_file_that_is_no_kubeconfig_says_so(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("just text")
    with pytest.raises(ClusterError, match="is not a usable kubeconfig"):
        Cluster.connect(str(path), "dev", tmp_path)


def test_a_cluster_that_does_not_answer_names_its_address(kubeconfig: Path, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"does not answer at http://127\.0\.0\.1:1 .*`make up`"):
        Cluster.connect(str(kubeconfig), "dev", tmp_path)


def test_volumes_need_a_default_class_or_a_named_one() -> None:
    refuse_storage([storage_class("a", "true")], "")
    refuse_storage([storage_class("a")], "a")
    with pytest.raises(ClusterError, match=r"no default StorageClass \(it has a, b\).*Set postgres_storage_class"):
        refuse_storage([storage_class("b", "false"), storage_class("a")], "")
    with pytest.raises(ClusterError, match=r"no default StorageClass \(it has none at all"):
        refuse_storage([], "")
    with pytest.raises(ClusterError, match=r"postgres_storage_class is fast, but .* are a"):
        refuse_storage([storage_class("a", "true")], "fast")


def test_a_port_of_another_namespace_is_refused_with_its_owner() -> None:
    service = {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"ports": [{"nodePort": 30800}, {"port": 1}]}}
    with pytest.raises(ClusterError, match=r"Port 30800 is taken by Service web in namespace shop.*api_node_port"):
        refuse_taken_port([service], 30800, "rowhouse-dev")
    refuse_taken_port([service], 30800, "shop")
    refuse_taken_port([service], 30801, "rowhouse-dev")
    refuse_taken_port([service], None, "rowhouse-dev")
