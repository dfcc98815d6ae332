"""Verdicts on workloads, from objects as the Kubernetes API gives them."""

from typing import Any

import pytest
from ansible_collections.rowhouse.platform.plugins.module_utils.rollout import (
    Doom,
    LogSource,
    Patience,
    current_pods,
    judge,
)

IMAGE_MESSAGE = 'Back-off pulling image "registry/api@sha256:1": not found'


def deployment(wanted: int = 3, **status: Any) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "metadata": {
            "name": "api",
            "uid": "u",
            "generation": 2,
            "annotations": {"deployment.kubernetes.io/revision": "2"},
        },
        "spec": {"replicas": wanted},
        "status": {"observedGeneration": 2, **status},
    }


def complete(wanted: int = 3) -> dict[str, Any]:
    keys = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return deployment(wanted, **dict.fromkeys(keys, wanted))


def stateful_set(**status: Any) -> dict[str, Any]:
    return {
        "kind": "StatefulSet",
        "metadata": {"name": "postgres", "generation": 1},
        "spec": {"replicas": 1},
        "status": {"observedGeneration": 1, "updateRevision": "r2", **status},
    }


def job(*conditions: dict[str, str], **status: Any) -> dict[str, Any]:
    return {
        "kind": "Job",
        "metadata": {"name": "load"},
        "spec": {},
        "status": {"conditions": list(conditions), **status},
    }


def pod(name: str = "api-1", labels: dict[str, str] | None = None, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": {}, "status": status}


def waiting(reason: str, message: str = "", restarts: int = 0) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"name": "main", "ready": False, "restartCount": restarts, "state": state}


RUNNING = {"name": "main", "ready": False, "restartCount": 0, "state": {"running": {}}}


def test_a_deployment_is_done_when_all_replicas_are_of_the_new_kind_and_available() -> None:
    verdict = judge(complete(), [])
    assert verdict.done
    assert verdict.progress == "3/3 ready"


@pytest.mark.parametrize(
    "change",
    [
        {"observedGeneration": 1},
        {"replicas": 4},
        {"updatedReplicas": 2},
        {"readyReplicas": 2},
        {"availableReplicas": 2},
    ],
)
def test_a_deployment_is_not_done_while_anything_is_left_over(change: dict[str, int]) -> None:
    workload = complete()
    workload["status"] |= change
    assert not judge(workload, []).done


def test_progress_names_the_first_unready_pod_and_what_it_waits_for() -> None:
    verdict = judge(
        deployment(updatedReplicas=3, readyReplicas=1), [pod(containerStatuses=[waiting("ContainerCreating")])]
    )
    assert verdict.progress == "1/3 ready, pod api-1: ContainerCreating"
    assert verdict.dooms == ()


def test_ready_pods_of_the_old_kind_do_not_count() -> None:
    assert judge(deployment(readyReplicas=3, replicas=4, updatedReplicas=1), []).progress == "1/3 ready"


def test_a_stateful_set_is_done_when_its_pods_are_of_the_new_revision_and_ready() -> None:
    assert judge(stateful_set(replicas=1, readyReplicas=1, updatedReplicas=1), []).done
    assert not judge(stateful_set(replicas=1, readyReplicas=1), []).done


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff"])
def test_an_image_that_cannot_be_pulled_is_one_doom_under_both_its_names(reason: str) -> None:
    verdict = judge(deployment(), [pod(containerStatuses=[waiting(reason, IMAGE_MESSAGE)])])
    assert [doom.key for doom in verdict.dooms] == ["api-1/main/pull"]
    assert verdict.dooms[0].reason == f"pod api-1: {reason}: {IMAGE_MESSAGE}"


def test_a_crash_loop_points_to_the_log_of_the_run_that_crashed() -> None:
    verdict = judge(deployment(), [pod(containerStatuses=[waiting("CrashLoopBackOff", restarts=2)])])
    assert verdict.dooms[0].log == LogSource("api-1", "main", previous=True)


def test_a_pod_that_no_node_takes_is_doomed() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "Insufficient cpu"}
    verdict = judge(deployment(), [pod(phase="Pending", conditions=[condition])])
    assert verdict.dooms[0].reason == "pod api-1: Unschedulable: Insufficient cpu"


def test_a_quota_that_forbids_pods_is_doomed() -> None:
    condition = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    verdict = judge(deployment(conditions=[condition]), [])
    assert verdict.dooms[0].reason == "pods cannot be created: exceeded quota"


def test_a_daemon_set_is_done_when_each_node_has_a_pod_of_the_new_kind() -> None:
    counts = {"desiredNumberScheduled": 2, "currentNumberScheduled": 2, "numberReady": 2, "updatedNumberScheduled": 2}
    verdicts = [judge(daemon_set(**counts | change), []) for change in ({}, {"numberReady": 1})]
    assert [(verdict.done, verdict.progress) for verdict in verdicts] == [(True, "2/2 ready"), (False, "1/2 ready")]
    assert not judge(daemon_set(**counts | {"updatedNumberScheduled": 1}), []).done


def test_the_pods_of_a_daemon_set_are_those_of_its_newest_template() -> None:
    new, old = (pod(labels={"pod-template-generation": number}) for number in ("3", "2"))
    assert current_pods(daemon_set(), [old, new]) == [new]


def daemon_set(**status: Any) -> dict[str, Any]:
    annotations = {"deprecated.daemonset.template.generation": "3"}
    metadata = {"name": "log-collector", "generation": 5, "annotations": annotations}
    return {"kind": "DaemonSet", "metadata": metadata, "spec": {}, "status": {"observedGeneration": 5, **status}}


def test_a_volume_without_class_is_doomed_and_one_that_waits_for_its_pod_is_not() -> None:
    mounting = pod("postgres-0", phase="Pending")
    mounting["spec"] = {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-postgres-0"}}]}
    claim = {"metadata": {"name": "data-postgres-0"}, "spec": {}, "status": {"phase": "Pending"}}
    assert "no StorageClass" in judge(stateful_set(), [mounting], [claim]).dooms[0].reason
    claim["spec"] = {"storageClassName": "local"}
    assert judge(stateful_set(), [mounting], [claim]).dooms == ()


def test_a_failed_job_is_doomed_with_the_log_of_its_newest_pod() -> None:
    pods = [pod(name, containerStatuses=[{**RUNNING, "state": {"terminated": {}}}]) for name in ("load-a", "load-b")]
    for index, item in enumerate(pods):
        item["metadata"]["creationTimestamp"] = f"2026-01-01T00:00:0{index}Z"
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "too often"}
    verdict = judge(job(failed, failed=3), pods)
    assert verdict.dooms == (Doom("job", "Job failed: too often", 0.0, LogSource("load-b", "main", previous=False)),)


def test_a_complete_job_is_done_and_a_running_one_tells_its_failures() -> None:
    assert judge(job({"type": "Complete", "status": "True"}), []).done
    verdict = judge(job(ready=1, failed=1), [pod("load-a", phase="Running", containerStatuses=[RUNNING])])
    assert verdict.progress == "running, 1 failed, pod load-a: not ready yet"


def test_pods_of_an_older_replica_set_are_left_out() -> None:
    replica_sets = [
        {
            "metadata": {
                "ownerReferences": [{"uid": "u"}],
                "annotations": {"deployment.kubernetes.io/revision": revision},
                "labels": {"pod-template-hash": template},
            }
        }
        for revision, template in (("1", "old"), ("2", "new"))
    ]
    pods = [pod(name, {"pod-template-hash": name}) for name in ("old", "new")]
    assert [item["metadata"]["name"] for item in current_pods(deployment(), pods, replica_sets)] == ["new"]


def test_pods_of_an_older_revision_and_those_that_go_are_left_out() -> None:
    pods = [pod(name, {"controller-revision-hash": name}) for name in ("r1", "r2")]
    assert [item["metadata"]["name"] for item in current_pods(stateful_set(), pods)] == ["r2"]
    pods[1]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert current_pods(stateful_set(), pods) == []


def test_patience_ends_only_with_a_doom_that_holds_without_a_break() -> None:
    patience = Patience()
    doom = Doom("pull", "no image", 10.0)
    assert patience.exhausted([doom], 0) is None
    assert patience.exhausted([doom], 9) is None
    assert patience.exhausted([], 10) is None
    assert patience.exhausted([doom], 11) is None
    assert patience.exhausted([doom], 21) is doom


def creation(reason: str, time: str, uid: str = "u") -> dict[str, Any]:
    return {"involvedObject": {"uid": uid}, "reason": reason, "lastTimestamp": time, "message": "exceeded quota: pods"}


@pytest.mark.parametrize("workload", [stateful_set(), job()], ids=lambda workload: str(workload["kind"]))
def test_pods_that_cannot_be_created_doom_whoever_leaves_that_to_an_event(workload: dict[str, Any]) -> None:
    workload["metadata"]["uid"] = "u"
    failed, created = (
        creation("FailedCreate", "2026-01-01T00:00:02Z"),
        creation("SuccessfulCreate", "2026-01-01T00:00:01Z"),
    )
    (doom,) = judge(workload, [], (), [failed, created]).dooms
    assert doom.reason == "pods cannot be created: exceeded quota: pods"
    assert judge(workload, [], (), [created | {"lastTimestamp": "2026-01-01T00:00:03Z"}, failed]).dooms == ()
    assert judge(workload, [], (), [creation("FailedCreate", "2026-01-01T00:00:02Z", "another")]).dooms == ()
