"""Filters for backups: the Job of a verb, made of the schedule's, and what it told, for people."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils import text_table

# Should the run that waits for it be cut off.
KEPT_SECONDS = 3600
REPOSITORY = "RESTIC_REPOSITORY"
# Variables of a pod to keys of the Secret with what opens another repository.
KEYS = {"RESTIC_PASSWORD": "key", "AWS_ACCESS_KEY_ID": "access-key", "AWS_SECRET_ACCESS_KEY": "secret-key"}
UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def backup_job(
    cron_job: Mapping[str, Any], words: Sequence[str], repository: str = "", secret: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return a Job that runs `rowhouse backup …` once, as the schedule runs it.

    Args:
        cron_job: The schedule, as the cluster has it.
        words: Arguments behind `rowhouse backup`; none: those of the schedule, with what it keeps.
        repository: Of another environment; empty: its own.
        secret: {name, and what it holds: key, access-key, secret-key} for that.
    """
    template = cron_job["spec"]["jobTemplate"]
    pods = template["spec"]["template"]
    (container,) = pods["spec"]["containers"]
    # The kubelet puts the values of variables in place of $(NAME), of which one is a password.
    args = ["backup", *(word.replace("$", "$$") for word in words)] if words else container["args"]
    env = [_elsewhere(variable, repository, secret or {}) if repository else variable for variable in container["env"]]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"backup-{args[1]}-{secrets.token_hex(5)}",
            "namespace": cron_job["metadata"]["namespace"],
            "labels": pods["metadata"]["labels"],
        },
        "spec": {
            **template["spec"],
            # Whoever waits for it decides about another try.
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {**pods, "spec": {**pods["spec"], "containers": [{**container, "args": args, "env": env}]}},
        },
    }


def backup_told(log: str) -> list[str]:
    """Return what people read of the outcome of a Job, which is the last line of its log that is one."""
    for line in reversed(log.splitlines()):
        outcome = _parsed(line)
        if "backups" in outcome:
            return [*_listed(outcome["backups"]), *_window(outcome.get("bases", []))]
        if "datasets" in outcome:
            return [*_headlines(outcome), *_datasets(outcome["datasets"])]
    return ["It did not say what it has done: look at its log."]


def _elsewhere(variable: Mapping[str, Any], repository: str, secret: Mapping[str, str]) -> Mapping[str, Any]:
    name = variable["name"]
    if name == REPOSITORY:
        return {"name": name, "value": repository}
    if secret.get(KEYS.get(name, "")):
        return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret["name"], "key": KEYS[name]}}}
    return variable


def _parsed(line: str) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _headlines(outcome: Mapping[str, Any]) -> list[str]:
    if "bytes" in outcome:
        size = f"{_size(outcome['bytes'])}, {outcome['rows']:,} rows of all tables"
        bases = [
            f"Base backup {item['label']} was recovered and compared: any time since {item['ended_at']} can come back."
            for item in outcome.get("bases", [])
        ]
        return [f"Backup {outcome['name']} was restored and compared: {size}.", *bases]
    aside = f"What was served before is in the schema {outcome['aside']}." if outcome["aside"] else "Nothing was there."
    former = ", ".join(outcome.get("dropped", []))
    dropped = [f"Dropped what earlier restores had put aside: {former}."] if former else []
    return [
        f"Restored {outcome['name']} of {outcome['environment']}, taken at {outcome['taken_at']}. {aside}",
        *dropped,
    ]


def _datasets(datasets: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [(item["dataset"], f"{item['rows']:,}", str(item["version"])) for item in datasets]
    return text_table.lines(("DATASET", "ROWS", "VERSION"), *rows)


def _listed(backups: Sequence[Mapping[str, Any]]) -> list[str]:
    if not backups:
        return ["There is no verified backup."]
    rows = [(item["name"], item["environment"], f"{item['rows']:,}", _size(item["bytes"])) for item in backups]
    return text_table.lines(("BACKUP", "OF", "ROWS", "SIZE"), *rows)


def _window(bases: Sequence[Mapping[str, Any]]) -> list[str]:
    since = min((base["ended_at"] for base in bases), default="")
    return [f"Any time since {since} can be restored."] if since else []


def _size(number: float) -> str:
    unit = 0
    while number >= 1024 and unit < len(UNITS) - 1:
        number, unit = number / 1024, unit + 1
    return f"{number:.1f} {UNITS[unit]}" if unit else f"{number} {UNITS[0]}"


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"backup_job": backup_job, "backup_told": backup_told}
