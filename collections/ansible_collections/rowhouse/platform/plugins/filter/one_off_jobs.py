"""Filters `keys_job` and `plan_job`: Jobs that run once as the load of a deployment runs, with other words."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

NAME = "app.kubernetes.io/name"
# What a Job's controller adds to the labels of its pods.
CONTROLLER = ("batch.kubernetes.io/", "controller-uid", "job-name")
DEADLINE_SECONDS = 300
# Should the run that waits for it be cut off.
KEPT_SECONDS = 600
# The volume with the descriptions, and the folder of the image that has them too.
DESCRIPTIONS = "datasets"
DATA = "/usr/share/rowhouse/datasets"


def keys_job(load: Mapping[str, Any], words: Sequence[str]) -> dict[str, Any]:
    """Return a Job that runs `rowhouse keys …`.

    Args:
        load: A Job that has loaded, as the cluster has it.
        words: Arguments behind `rowhouse keys`.
    """
    # The kubelet puts the values of variables in place of $(NAME), of which one is a password.
    return _one_off(load, "keys", ["keys", *(word.replace("$", "$$") for word in words)])


def plan_job(load: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Job that tries out a load, and takes it back.

    It reads the descriptions that lie beside the data in its image, as those of the deployment are not there yet.

    Args:
        load: The Job that a deployment would make.
    """
    job = _one_off(load, "plan", ["load", "--dry-run"])
    spec = job["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    (mount,) = (item for item in container["volumeMounts"] if item["name"] == DESCRIPTIONS)
    container["volumeMounts"] = [item for item in container["volumeMounts"] if item is not mount]
    container["env"] = [*container["env"], {"name": "ROWHOUSE_DATASETS_DIR", "value": DATA}]
    spec["volumes"] = [item for item in spec["volumes"] if item["name"] != DESCRIPTIONS]
    return job


def _one_off(load: Mapping[str, Any], name: str, args: Sequence[str]) -> dict[str, Any]:
    """Return the Job.

    Its pod keeps the load's labels, by which the network lets it reach the database. The Job itself has another, so
    that it is never taken for a load.
    """
    template = load["spec"]["template"]
    labels = {key: value for key, value in template["metadata"]["labels"].items() if not key.startswith(CONTROLLER)}
    (container,) = template["spec"]["containers"]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{name}-{secrets.token_hex(5)}",
            "namespace": load["metadata"]["namespace"],
            "labels": {**labels, NAME: name},
        },
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": DEADLINE_SECONDS,
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {
                "metadata": {"labels": labels},
                "spec": {**template["spec"], "containers": [{**container, "name": name, "args": list(args)}]},
            },
        },
    }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"keys_job": keys_job, "plan_job": plan_job}
