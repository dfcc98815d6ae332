"""What a plan tells."""

import copy
import dataclasses
import json
from typing import Any

from ansible_collections.rowhouse.platform.plugins.filter.one_off_jobs import plan_job
from ansible_collections.rowhouse.platform.plugins.module_utils.plan import (
    Plan,
    dataset_rows,
    image_changes,
    object_changes,
)

DIGEST = f"sha256:{'0123456789abcdef' * 4}"
DEPLOYMENT: dict[str, Any] = {
    "metadata": {"name": "api"},
    "spec": {
        "template": {
            "spec": {
                "initContainers": [{"name": "check", "image": f"host/api@{DIGEST}"}],
                "containers": [{"name": "api", "image": f"host/api@{DIGEST}"}],
            }
        }
    },
}


def test_an_object_is_made_changed_or_removed() -> None:
    assert object_changes(
        {"Service/api": "made", "ConfigMap/api": "changed"}, ["redis"], ["PodDisruptionBudget/api"]
    ) == {
        "Service/api": "made",
        "ConfigMap/api": "changed",
        "Secret/redis": "made (values are not shown)",
        "PodDisruptionBudget/api": "removed",
    }


def test_images_that_stay_are_not_told() -> None:
    then = copy.deepcopy(DEPLOYMENT)
    assert image_changes([(DEPLOYMENT, then)]) == {}
    then["spec"]["template"]["spec"]["containers"][0]["image"] = "other"
    assert image_changes([(DEPLOYMENT, then)]) == {"api/api": (f"host/api@{DIGEST}", "other")}
    assert image_changes([(None, DEPLOYMENT)]).keys() == {"api/check", "api/api"}


def test_a_plan_is_told_in_tables() -> None:
    tried = {"dataset": "a", "rows_before": 149_151, "rows": 149_160, "rejected": 3, "is_loaded": True}
    log = f'{{"message": "before"}}\n{json.dumps([tried])}\n{{"message": "overtaken"}}\n'
    rows = dataset_rows(["a", "b"], log)
    plan = Plan({"ConfigMap/api": "changed"}, {"api/api": ("", f"host/api@{DIGEST}")}, rows, True, ["x: y"])
    assert "\n".join(plan.lines()) == (
        "object         would be\n"
        "ConfigMap/api  changed\n"
        "\n"
        "image of  now   then\n"
        "api/api   none  sha256:0123456789ab\n"
        "\n"
        "dataset  rows now  rows then          rejected\n"
        "a        149,151   149,160            3\n"
        "b        none      known when loaded  known when loaded\n"
        "\n"
        "set by hand, would be taken back: x: y"
    )


def test_what_has_happened_is_told_so() -> None:
    plan = Plan(
        {"Service/api": "made"}, {"api/api": ("x", "y")}, [("a", "none", "3", "0")], True, ["x: y"], is_done=True
    )
    assert "\n".join(plan.lines()) == (
        "object       was\n"
        "Service/api  made\n"
        "\n"
        "image of  before  now\n"
        "api/api   x       y\n"
        "\n"
        "dataset  rows before  rows now  rejected\n"
        "a        none         3         0\n"
        "\n"
        "set by hand, was taken back: x: y"
    )


def test_no_change_is_told_in_a_line() -> None:
    plan = Plan({}, {}, dataset_rows(["a"], ""), False, [])
    assert plan.is_empty
    assert list(plan.lines()) == ["Nothing would change."]
    assert list(dataclasses.replace(plan, is_done=True).lines()) == ["Nothing has changed."]


def test_a_load_is_tried_with_the_descriptions_of_its_image() -> None:
    container = {
        "name": "load",
        "image": "dataset",
        "args": ["load"],
        "env": [{"name": "ROWHOUSE_DATABASE_HOST", "value": "postgres"}],
        "volumeMounts": [{"name": "datasets"}, {"name": "tmp"}],
    }
    spec = {"containers": [container], "volumes": [{"name": "datasets"}, {"name": "tmp"}]}
    load = {
        "metadata": {"namespace": "n"},
        "spec": {"template": {"metadata": {"labels": {"app.kubernetes.io/name": "load"}}, "spec": spec}},
    }
    before = copy.deepcopy(load)
    job = plan_job(load)
    assert load == before
    assert job["metadata"]["labels"] == {"app.kubernetes.io/name": "plan"}
    template = job["spec"]["template"]
    assert template["metadata"]["labels"] == {"app.kubernetes.io/name": "load"}
    assert template["spec"]["volumes"] == [{"name": "tmp"}]
    (made,) = template["spec"]["containers"]
    assert made["args"] == ["load", "--dry-run"]
    assert made["volumeMounts"] == [{"name": "tmp"}]
    assert made["env"][-1] == {"name": "ROWHOUSE_DATASETS_DIR", "value": "/usr/share/rowhouse/datasets"}
