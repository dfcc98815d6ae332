"""Filter `keys_job`: a Job that runs `rowhouse keys …` as the load of a deployment runs `rowhouse load`."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

NAME = "app.kubernetes.io/name"
# What a Job's controller adds to the labels of its pods.
CONTROLLER = ("batch.kubernetes.io/", "controller-uid", "job-name")
DEADLINE_SECONDS = 300
# Should the run that waits for it be cut off.
KEPT_SECONDS = 600


def keys_job(load: Mapping[str, Any], words: Sequence[str]) -> dict[str, Any]:
    """Return the Job.

    Its pod keeps the load's labels, by which the network lets it reach the database. The Job itself has another, so
    that it is never taken for a load.

    Args:
        load: A Job that has loaded, as the cluster has it.
        words: Arguments behind `rowhouse keys`.
    """
    template = load["spec"]["template"]
    labels = {key: value for key, value in template["metadata"]["labels"].items() if not key.startswith(CONTROLLER)}
    (container,) = template["spec"]["containers"]
    # The kubelet puts the values of variables in place of $(NAME), of which one is a password.
    args = ["keys", *(word.replace("$", "$$") for word in words)]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"keys-{secrets.token_hex(5)}",
            "namespace": load["metadata"]["namespace"],
            "labels": {**labels, NAME: "keys"},
        },
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": DEADLINE_SECONDS,
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {
                "metadata": {"labels": labels},
                "spec": {**template["spec"], "containers": [{**container, "name": "keys", "args": args}]},
            },
        },
    }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"keys_job": keys_job}
