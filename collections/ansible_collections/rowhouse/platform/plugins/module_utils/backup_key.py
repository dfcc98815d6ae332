"""The key of the backups: which one it is, and whether the cluster has another one."""

from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError


def known_key(secret: Mapping[str, Any] | None, namespace: str, supplied: str, file: Path) -> str:
    """Return the key; empty: there is none yet.

    Args:
        secret: Where the cluster keeps it, in that namespace; None: nowhere yet.
        namespace: Of the deployment.
        supplied: By the inventory; empty: it may be in the file.
        file: Of this machine.

    Raises:
        RefusalError: The cluster has another one: what was backed up by that could not be read.
    """
    kept = b64decode((secret or {}).get("data", {}).get("key", "")).decode()
    written = file.read_text().strip() if file.exists() else ""
    key = supplied or written or kept
    if secret and kept and key != kept:
        raise RefusalError(
            f"{'backup_key' if supplied else file} differs from the key in the Secret {secret['metadata']['name']} of"
            f" {namespace}, which opens the backups that there are. Take the former key back. To begin anew with"
            " another one, and without these backups, delete the Secret and give backups another volume or"
            " backup_s3_prefix."
        )
    return key
