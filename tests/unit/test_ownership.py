"""Whose fields are whose."""

from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.ownership import Edit, edits, is_applied_by, taken_over

OWN = {
    "manager": "rowhouse",
    "operation": "Apply",
    "fieldsV1": {"f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": {'k:{"name":"api"}': {}}}}}},
}
STATUS = {
    "manager": "kube-controller-manager",
    "operation": "Update",
    "subresource": "status",
    "fieldsV1": {"f:status": {"f:replicas": {}}},
}


def entry(manager: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"manager": manager, "operation": "Update", "fieldsV1": fields}


def item(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "Deployment", "metadata": {"name": "api", "managedFields": [OWN, STATUS, *entries]}}


def in_container(fields: dict[str, Any]) -> dict[str, Any]:
    return {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"api"}': fields}}}}}


VARIABLE = entry("kubectl-set", in_container({"f:env": {'k:{"name":"FOO"}': {".": {}, "f:name": {}, "f:value": {}}}}))
RESTART = entry(
    "kubectl-rollout",
    {"f:spec": {"f:template": {"f:metadata": {"f:annotations": {"f:kubectl.kubernetes.io/restartedAt": {}}}}}},
)
NOTE = entry("ingress-controller", {"f:metadata": {"f:annotations": {".": {}, "f:note": {}}}})


def test_what_somebody_added_is_named() -> None:
    assert edits("rowhouse", item(VARIABLE)) == [
        Edit("kubectl-set", ("spec.template.spec.containers[name=api].env[name=FOO]",))
    ]


def test_requests_metadata_and_status_are_no_edits() -> None:
    assert edits("rowhouse", item(RESTART, NOTE)) == []


def test_taking_over_moves_the_edit_and_leaves_the_rest() -> None:
    mixed = entry("kubectl-edit", VARIABLE["fieldsV1"] | NOTE["fieldsV1"])
    own, *others = taken_over("rowhouse", item(VARIABLE, mixed, RESTART))
    container = own["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"api"}']
    assert container == {"f:env": {'k:{"name":"FOO"}': {".": {}, "f:name": {}, "f:value": {}}}}
    assert "f:replicas" in own["fieldsV1"]["f:spec"]
    assert others == [STATUS, entry("kubectl-edit", NOTE["fieldsV1"]), RESTART]
    assert edits("rowhouse", {"metadata": {"managedFields": [own, *others]}}) == []


def test_ours_is_what_we_applied() -> None:
    assert is_applied_by("rowhouse", item())
    assert not is_applied_by("rowhouse", {"metadata": {"managedFields": [STATUS, NOTE]}})
    assert not is_applied_by("rowhouse", {"metadata": {}})
