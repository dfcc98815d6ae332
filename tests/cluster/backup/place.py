"""An environment whose backups are tested."""

import json
import re
import subprocess

from tests.cluster.deployment import Deployment
from tests.cluster.output import Run, said

NOBODY_WAITS = {"backup_enabled": True, "backup_schedule": "0 0 29 2 *"}


class Place:
    """The environment: its playbooks, its database, and what it serves."""

    def __init__(self, deployment: Deployment, namespace: str, ansible_playbook: Run, kubectl: Run) -> None:
        self.deployment = deployment
        self._namespace = namespace
        self._ansible_playbook = ansible_playbook
        self._kubectl = kubectl

    def play(self, playbook: str, **variables: object) -> subprocess.CompletedProcess[str]:
        extra = json.dumps(variables)
        return self._ansible_playbook(f"playbooks/{playbook}.yml", "-i", str(self.deployment.inventory), "-e", extra)

    def fails(self, playbook: str, **variables: object) -> str:
        done = self.play(playbook, **variables)
        assert done.returncode == 2, said(done)
        return said(done)

    def succeeds(self, playbook: str, **variables: object) -> str:
        done = self.play(playbook, **variables)
        assert done.returncode == 0, said(done)
        return said(done)

    def backup(self) -> str:
        """Take one; return its name."""
        words = self.succeeds("backup")
        found = re.search(r"Backup (\w+) was restored and compared", words)
        assert found, words
        return found[1]

    def listed(self) -> list[str]:
        return re.findall(r"\b\d{8}T\d{6}Z\b", self.succeeds("backup", backup_action="list"))

    def sql(self, statement: str) -> str:
        login = (
            "PGPASSWORD=$(cat /run/secrets/postgres/loader-password) psql -h 127.0.0.1 -U rowhouse_loader -d rowhouse"
        )
        words = [
            "exec",
            "postgres-0",
            "-n",
            self._namespace,
            "--",
            "sh",
            "-c",
            f'{login} -qAt -c "$1"',
            "sh",
            statement,
        ]
        return self._kubectl(*words).stdout.strip()
