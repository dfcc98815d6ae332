"""An environment of a test's own, and the playbooks that are run on it."""

import json
import re
import time
from pathlib import Path

from tests.cluster.output import Run, said

# How late a process may be that has missed the announcement of a key, with room.
KEY_SECONDS = 1


class Deployment:
    """What an inventory says, deployed."""

    def __init__(self, inventory: Path, ansible_playbook: Run) -> None:
        self.inventory = inventory
        self._ansible_playbook = ansible_playbook

    def run(self, playbook: str, **variables: object) -> str:
        """Run a playbook, which has to succeed; return what it said."""
        done = self._ansible_playbook(playbook, "-i", str(self.inventory), "-e", json.dumps(variables))
        assert done.returncode == 0, said(done)
        return done.stdout

    def refused(self, **variables: object) -> str:
        """Deploy, which has to fail; return what was said."""
        done = self._ansible_playbook("deploy.yml", "-i", str(self.inventory), "-e", json.dumps(variables))
        assert done.returncode != 0, said(done)
        return said(done)

    def create_key(self, scopes: str) -> str:
        """Make an API key; return its token, which every process knows by then."""
        words = self.run("playbooks/keys.yml", keys_action="create", keys_name="tests", keys_scopes=scopes)
        (found,) = set(re.findall(r"rh_[0-9A-Za-z]{38}", words))
        time.sleep(KEY_SECONDS)
        return str(found)

    def revoke_key(self, token: str) -> None:
        """Revoke a key, and wait until every process has to know."""
        self.run("playbooks/keys.yml", keys_action="revoke", keys_id=key_id(token))
        time.sleep(KEY_SECONDS)


def key_id(token: str) -> str:
    """Return the part of a token that lists and logs name."""
    return token.removeprefix("rh_")[:8]
