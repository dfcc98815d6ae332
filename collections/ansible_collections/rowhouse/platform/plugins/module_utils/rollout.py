"""What the state of a workload means: done, on its way, or doomed. Objects in, verdict out.

Objects are the mappings of the Kubernetes API: Deployment, StatefulSet, DaemonSet, Job; their pods and claims.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Object = Mapping[str, Any]

KINDS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job"})
REVISION = "deployment.kubernetes.io/revision"
# Which of its templates a DaemonSet has. No more than a name: the label that it gives to pods has the same number.
TEMPLATE = "deprecated.daemonset.template.generation"

# Reasons of a waiting container, and the seconds in which it may still get over it: a registry that hiccups, a Secret
# that is a moment late, a dependency that starts. A name that cannot be parsed never gets better.
WAITING_PATIENCE = {
    "InvalidImageName": 0.0,
    "ErrImageNeverPull": 0.0,
    "ErrImagePull": 10.0,
    "ImagePullBackOff": 10.0,
    "CreateContainerConfigError": 10.0,
    "CreateContainerError": 10.0,
    "RunContainerError": 10.0,
    "CrashLoopBackOff": 5.0,
}
UNSCHEDULABLE_PATIENCE = 15.0
REPLICA_FAILURE_PATIENCE = 5.0


@dataclass(frozen=True)
class LogSource:
    """A container whose last words tell the reason."""

    pod: str
    container: str
    previous: bool


@dataclass(frozen=True)
class Doom:
    """Why a workload will not become ready, unless that ends within `patience` seconds."""

    key: str
    reason: str
    patience: float
    log: LogSource | None = None


@dataclass(frozen=True)
class Verdict:
    """Where a workload stands. `progress` is one line without name and time."""

    done: bool
    progress: str
    dooms: tuple[Doom, ...] = ()
    log: LogSource | None = None


@dataclass
class Patience:
    """Remembers since when each doom holds."""

    _since: dict[str, float] = field(default_factory=dict)

    def exhausted(self, dooms: Iterable[Doom], now: float) -> Doom | None:
        """Return the first doom that has held, without a break, for longer than its patience; `now` in seconds."""
        current = {doom.key: doom for doom in dooms}
        self._since = {key: self._since.get(key, now) for key in current}
        return next((doom for key, doom in current.items() if now - self._since[key] >= doom.patience), None)


def judge(
    workload: Object, pods: Sequence[Object], claims: Sequence[Object] = (), events: Sequence[Object] = ()
) -> Verdict:
    """Judge a workload by its own status, the pods of its current revision, and its namespace's claims and events."""
    if workload["kind"] == "Job":
        return _judge_job(workload, pods, events)
    status = counted(workload)
    wanted = status.get("wanted", workload["spec"].get("replicas", 1))
    ready = min(status.get("readyReplicas", 0), status.get("updatedReplicas", 0))
    seen = status.get("observedGeneration", 0) >= workload["metadata"].get("generation", 0)
    done = seen and ready == wanted == status.get("replicas", 0)
    if workload["kind"] == "Deployment":
        done = done and status.get("availableReplicas", 0) == wanted
    dooms = () if done else (*_condition_dooms(status), *_creation_dooms(workload, events), *_pod_dooms(pods, claims))
    unready = next((pod for pod in pods if not is_ready(pod)), None)
    return Verdict(
        done,
        _join(f"{ready}/{wanted} ready", None if done else _pod_progress(unready)),
        dooms,
        None if unready is None else _log_of(unready),
    )


def counted(workload: Object) -> Object:
    """Return the status in a Deployment's words; a DaemonSet has others, and knows by itself how many it wants."""
    status: Object = workload.get("status", {})
    if workload["kind"] != "DaemonSet":
        return status
    return {
        **status,
        "wanted": status.get("desiredNumberScheduled", 0),
        "replicas": status.get("currentNumberScheduled", 0),
        "readyReplicas": status.get("numberReady", 0),
        "updatedReplicas": status.get("updatedNumberScheduled", 0),
    }


def current_pods(workload: Object, pods: Iterable[Object], replica_sets: Iterable[Object] = ()) -> list[Object]:
    """Return the pods of the workload's newest revision; those of an older one may be as ill as they like."""
    label, value = _revision(workload, replica_sets)
    return [
        pod
        for pod in pods
        if pod["metadata"].get("labels", {}).get(label) == value and "deletionTimestamp" not in pod["metadata"]
    ]


def _revision(workload: Object, replica_sets: Iterable[Object]) -> tuple[str, str | None]:
    metadata = workload["metadata"]
    if workload["kind"] == "Job":
        return "batch.kubernetes.io/job-name", metadata["name"]
    if workload["kind"] == "DaemonSet":
        return "pod-template-generation", metadata.get("annotations", {}).get(TEMPLATE)
    if workload["kind"] == "StatefulSet":
        return "controller-revision-hash", workload.get("status", {}).get("updateRevision")
    revision = metadata.get("annotations", {}).get(REVISION)
    for item in replica_sets:
        owners = {owner["uid"] for owner in item["metadata"].get("ownerReferences", [])}
        if metadata["uid"] in owners and item["metadata"].get("annotations", {}).get(REVISION) == revision:
            return "pod-template-hash", item["metadata"]["labels"]["pod-template-hash"]
    return "pod-template-hash", None


def _judge_job(job: Object, pods: Sequence[Object], events: Sequence[Object]) -> Verdict:
    status = job.get("status", {})
    newest = max(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), default=None)
    log = None if newest is None else _log_of(newest)
    for condition in _true_conditions(status):
        if condition["type"] == "Complete":
            return Verdict(True, "done")
        if condition["type"] == "Failed":
            reason = f"Job failed: {condition.get('message') or condition.get('reason', 'no reason given')}"
            return Verdict(False, "failed", (Doom("job", reason, 0.0, log),), log)
    failed = f"{status['failed']} failed" if status.get("failed") else None
    progress = _join("running" if status.get("ready") else "starting", failed, _pod_progress(newest))
    return Verdict(False, progress, (*_creation_dooms(job, events), *_pod_dooms(pods, ())), log)


def _condition_dooms(status: Object) -> Iterator[Doom]:
    for condition in status.get("conditions", []):
        kind, holds, message = condition["type"], condition["status"], condition.get("message", "")
        if kind == "ReplicaFailure" and holds == "True":
            yield Doom("replicas", f"pods cannot be created: {message}", REPLICA_FAILURE_PATIENCE)
        if kind == "Progressing" and holds == "False":
            yield Doom("progress", f"{condition.get('reason', 'no progress')}: {message}", 0.0)


def _creation_dooms(workload: Object, events: Sequence[Object]) -> Iterator[Doom]:
    """Only a Deployment says in its status that its pods cannot be created; the others leave it to an event."""
    attempts = [
        event
        for event in events
        if event["involvedObject"].get("uid") == workload["metadata"].get("uid")
        and event.get("reason") in {"FailedCreate", "SuccessfulCreate"}
    ]
    last = max(
        attempts, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""), default=None
    )
    if last and last["reason"] == "FailedCreate":
        yield Doom("create", f"pods cannot be created: {last.get('message', '')}", REPLICA_FAILURE_PATIENCE)


def _pod_dooms(pods: Iterable[Object], claims: Sequence[Object]) -> Iterator[Doom]:
    for pod in pods:
        name = pod["metadata"]["name"]
        for status in _container_statuses(pod):
            waiting = status.get("state", {}).get("waiting", {})
            reason = waiting.get("reason", "")
            if reason in WAITING_PATIENCE:
                crashed = reason == "CrashLoopBackOff"
                key = "pull" if reason in {"ErrImagePull", "ImagePullBackOff"} else reason
                yield Doom(
                    f"{name}/{status['name']}/{key}",
                    f"pod {name}: {reason}: {waiting.get('message', '')}",
                    WAITING_PATIENCE[reason],
                    LogSource(name, status["name"], previous=True) if crashed else None,
                )
        for condition in pod.get("status", {}).get("conditions", []):
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                reason = f"pod {name}: {condition.get('reason')}: {condition.get('message', '')}"
                yield Doom(f"{name}/schedule", reason, UNSCHEDULABLE_PATIENCE)
        yield from _claim_dooms(pod, claims)


def _claim_dooms(pod: Object, claims: Sequence[Object]) -> Iterator[Doom]:
    mounted = {
        volume["persistentVolumeClaim"]["claimName"]
        for volume in pod["spec"].get("volumes", [])
        if "persistentVolumeClaim" in volume
    }
    for claim in claims:
        name = claim["metadata"]["name"]
        pending = claim.get("status", {}).get("phase") == "Pending"
        if name in mounted and pending and not claim["spec"].get("storageClassName"):
            yield Doom(name, f"volume claim {name} is Pending: no StorageClass, and the cluster has no default", 0.0)


def _container_statuses(pod: Object) -> list[Object]:
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def _true_conditions(status: Object) -> list[Object]:
    return [condition for condition in status.get("conditions", []) if condition["status"] == "True"]


def is_ready(pod: Object) -> bool:
    """Tell whether the pod takes requests."""
    return any(condition["type"] == "Ready" for condition in _true_conditions(pod.get("status", {})))


def _pod_progress(pod: Object | None) -> str | None:
    """One clause about the pod: what its container waits for, or the pod's phase."""
    if pod is None:
        return None
    states = [status.get("state", {}) for status in _container_statuses(pod)]
    waiting = [state["waiting"].get("reason", "waiting") for state in states if "waiting" in state]
    if waiting:
        return f"pod {pod['metadata']['name']}: {waiting[0]}"
    phase = pod.get("status", {}).get("phase", "Pending")
    return f"pod {pod['metadata']['name']}: {'not ready yet' if phase == 'Running' else phase}"


def _log_of(pod: Object) -> LogSource | None:
    """Return the container that most likely tells why the pod is not ready: the first that ran and is not ready."""
    for status in _container_statuses(pod):
        if not status.get("ready"):
            waits = "waiting" in status.get("state", {})
            if not waits or status.get("restartCount", 0):
                return LogSource(pod["metadata"]["name"], status["name"], previous=waits)
    return None


def _join(*parts: str | None) -> str:
    return ", ".join(part for part in parts if part)
