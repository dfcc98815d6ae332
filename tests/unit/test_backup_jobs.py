"""Jobs of backups, and what people are told of what they did."""

import json
from typing import Any

from ansible_collections.rowhouse.platform.plugins.filter.backup_jobs import backup_job, backup_told

LABELS = {"app.kubernetes.io/name": "backup"}
PASSWORD = {"name": "RESTIC_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "backup", "key": "key"}}}
ACCESS = {"name": "AWS_ACCESS_KEY_ID", "valueFrom": {"secretKeyRef": {"name": "backup-s3", "key": "access-key"}}}
CRON_JOB: dict[str, Any] = {
    "metadata": {"name": "backup", "namespace": "rowhouse-dev"},
    "spec": {
        "jobTemplate": {
            "spec": {
                "backoffLimit": 1,
                "activeDeadlineSeconds": 60,
                "template": {
                    "metadata": {"labels": LABELS},
                    "spec": {
                        "restartPolicy": "Never",
                        "containers": [
                            {
                                "name": "backup",
                                "args": ["backup", "create"],
                                "env": [{"name": "RESTIC_REPOSITORY", "value": "/backups"}, PASSWORD, ACCESS],
                            }
                        ],
                    },
                },
            }
        }
    },
}
DATASETS = [{"dataset": "air_quality", "rows": 149151, "version": 7}]


def container(job: dict[str, Any]) -> dict[str, Any]:
    (found,) = job["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def test_a_job_is_the_schedules_with_other_words_and_one_try() -> None:
    job = backup_job(CRON_JOB, ["restore", "--", "$(X)"])
    assert job["metadata"]["name"].startswith("backup-restore-")
    assert (job["metadata"]["namespace"], job["metadata"]["labels"]) == ("rowhouse-dev", LABELS)
    assert (job["spec"]["backoffLimit"], job["spec"]["activeDeadlineSeconds"]) == (0, 60)
    assert container(job)["args"] == ["backup", "restore", "--", "$$(X)"]
    (theirs,) = CRON_JOB["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container(job)["env"] == theirs["env"]


def test_a_backup_now_is_the_schedules() -> None:
    job = backup_job(CRON_JOB, [])
    assert job["metadata"]["name"].startswith("backup-create-")
    assert container(job)["args"] == ["backup", "create"]


def test_another_environments_backups_are_opened_by_what_is_given() -> None:
    job = backup_job(CRON_JOB, ["restore", "latest"], "s3:there", {"name": "from", "key": "x"})
    repository, password, access = container(job)["env"]
    assert repository == {"name": "RESTIC_REPOSITORY", "value": "s3:there"}
    assert password["valueFrom"]["secretKeyRef"] == {"name": "from", "key": "key"}
    # What is not given is the same as here.
    assert access == ACCESS
    assert "x" not in json.dumps(job).split('"')


def test_a_backup_is_told() -> None:
    outcome = {"name": "N", "taken_at": "T", "bytes": 8073216, "rows": 149216, "bases": [], "datasets": DATASETS}
    log = f'{{"message": "Dumped"}}\n{json.dumps(outcome)}\n{{"message": "Late"}}\n'
    assert backup_told(log) == [
        "Backup N was restored and compared: 7.7 MiB, 149,216 rows of all tables.",
        "DATASET      ROWS     VERSION",
        "air_quality  149,151  7",
    ]
    base = {"label": "L", "ended_at": "2026"}
    words = "Base backup L was recovered and compared: any time since 2026 can come back."
    assert backup_told(json.dumps(outcome | {"bases": [base]}))[1] == words


def test_a_restore_is_told() -> None:
    outcome = {"name": "N", "environment": "prod", "taken_at": "T", "aside": "rowhouse_before_1", "datasets": DATASETS}
    outcome |= {"dropped": []}
    first = "Restored N of prod, taken at T."
    assert backup_told(json.dumps(outcome))[0] == f"{first} What was served before is in the schema rowhouse_before_1."
    assert backup_told(json.dumps(outcome | {"aside": None}))[0] == f"{first} Nothing was there."
    words = "Dropped what earlier restores had put aside: a, b."
    assert backup_told(json.dumps(outcome | {"dropped": ["a", "b"]}))[1] == words


def test_a_list_is_told() -> None:
    backups = [{"name": "N", "environment": "prod", "rows": 5, "bytes": 900}]
    assert backup_told(json.dumps({"backups": backups})) == [
        "BACKUP  OF    ROWS  SIZE",
        "N       prod  5     900 bytes",
    ]
    assert backup_told('{"backups": []}') == ["There is no verified backup."]
    bases = [{"ended_at": "2026-11-22"}, {"ended_at": "2026-11-21"}]
    assert (
        backup_told(json.dumps({"backups": backups, "bases": bases}))[-1]
        == "Any time since 2026-11-21 can be restored."
    )


def test_silence_is_told() -> None:
    assert backup_told("") == ["It did not say what it has done: look at its log."]
