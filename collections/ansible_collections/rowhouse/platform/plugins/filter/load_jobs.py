"""Filter `load_jobs`: which earlier load Jobs have to go, before and after a load of certain content."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

type Object = Mapping[str, Any]

# This load's and two others.
_OTHERS_KEPT = 2


def load_jobs(jobs: Iterable[Object], name: str, image: str) -> dict[str, Any]:
    """Return the names of those that stand in the way, and of those that are too many afterwards.

    A Job of this name that stays, because it is done and its content is the current one, makes the load a no-op: then
    it is not needed. `has_loaded` tells whether any load was ever complete.

    Args:
        jobs: All loads that the cluster has.
        name: Of the load to come: content and settings decide about it.
        image: Of the load to come; the same content may come from another registry, and a Job cannot be changed.
    """
    earlier = sorted(jobs, key=lambda job: str(job["metadata"]["creationTimestamp"]))
    names = [_name(job) for job in earlier]
    in_the_way = [
        _name(job)
        for number, job in enumerate(earlier)
        if (_is_outdated(job, image, earlier[number + 1 :]) if _name(job) == name else not _has_ended(job))
    ]
    return {
        "is_needed": name not in names or name in in_the_way,
        "has_loaded": any(_has(job, "Complete") for job in earlier),
        "in_the_way": in_the_way,
        "superfluous": [other for other in names if other != name][:-_OTHERS_KEPT],
    }


def _is_outdated(job: Object, image: str, later: Iterable[Object]) -> bool:
    """Tell whether the content is to be made the current one again, or was never loaded."""
    (container,) = job["spec"]["template"]["spec"]["containers"]
    return _has(job, "Failed") or container["image"] != image or any(_had_a_pod(other) for other in later)


def _has_ended(job: Object) -> bool:
    # One of other content that has not, since its image cannot be pulled for instance, might end after this one.
    return _has(job, "Failed") or _has(job, "Complete")


def _had_a_pod(job: Object) -> bool:
    """Tell whether it may have loaded something; one that failed may have loaded some of its datasets."""
    return any(job.get("status", {}).get(count) for count in ("active", "succeeded", "failed"))


def _has(job: Object, kind: str) -> bool:
    conditions = job.get("status", {}).get("conditions") or []
    return any(condition["type"] == kind and condition["status"] == "True" for condition in conditions)


def _name(job: Object) -> str:
    return str(job["metadata"]["name"])


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"load_jobs": load_jobs}
