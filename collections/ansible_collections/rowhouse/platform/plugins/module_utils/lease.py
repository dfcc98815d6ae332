"""The lock of an environment: a Lease in its namespace, which one run makes, renews and deletes.

Times are the cluster's, by the Date of its answers: the clocks of two controllers need not agree. Every holder makes a
Lease of its own, a dead one being deleted first, so that a uid stands for one holder.

https://kubernetes.io/docs/concepts/architecture/leases/

HeldError    another run holds the lock
LostError    the lock is no longer ours
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.playbooks import playbook
from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError
from ansible_collections.rowhouse.platform.plugins.module_utils.run_link import Holder
from kubernetes import client

NAME = "deploy"
# After so many without a renewal its holder counts as dead.
SECONDS = 60
# Not the manager of our applies: a Lease is none of what a run owns, and no run prunes it.
MANAGER = "rowhouse-lock"
USER, HOST, COMMAND = "rowhouse.org/user", "rowhouse.org/host", "rowhouse.org/command"
NOT_FOUND, CONFLICT, UNPROCESSABLE = 404, 409, 422
# Seconds to connect and to answer.
_TIMEOUT = (3, 5)
_ATTEMPTS = 5


@dataclass(frozen=True)
class Lease:
    """A lock as it was read; times are the cluster's."""

    uid: str
    version: str
    holder: Holder
    since: datetime
    expires: datetime
    read: datetime

    @classmethod
    def of(cls, item: Mapping[str, Any], read: datetime) -> "Lease":
        """Return what the API's object says; one that somebody made by hand may say less than ours."""
        metadata, spec = item["metadata"], item["spec"]
        notes = metadata.get("annotations") or {}
        holder = Holder(
            spec.get("holderIdentity", ""),
            notes.get(USER, "somebody"),
            notes.get(HOST, "an unknown host"),
            notes.get(COMMAND, "an unknown command"),
        )
        renewed = datetime.fromisoformat(spec.get("renewTime") or metadata["creationTimestamp"])
        return cls(
            metadata["uid"],
            metadata["resourceVersion"],
            holder,
            datetime.fromisoformat(spec.get("acquireTime") or metadata["creationTimestamp"]),
            renewed + timedelta(seconds=spec.get("leaseDurationSeconds", SECONDS)),
            read,
        )

    @property
    def is_live(self) -> bool:
        return self.read < self.expires

    @property
    def seconds_left(self) -> int:
        return round((self.expires - self.read).total_seconds())

    @property
    def told(self) -> str:
        holder = self.holder
        return f"{holder.user} on {holder.host} since {self.since:%Y-%m-%d %H:%M:%S} UTC, by `{holder.command}`"


class HeldError(RefusalError):
    """Another run holds the lock."""

    def __init__(self, lease: Lease) -> None:
        super().__init__(f"The lock is held by {lease.told}")
        self.lease = lease


class LostError(RefusalError):
    """The lock is no longer ours; the message says whose it is."""

    def __init__(self, lease: Lease | None) -> None:
        super().__init__(
            f"it was taken over by {lease.told}" if lease else f"it was removed (by {playbook('unlock')}?)"
        )


class DeployLock:
    """The lock of one namespace."""

    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        self._api = api
        self._namespace = namespace
        self._cluster_is_ahead = timedelta()

    def look(self) -> Lease | None:
        """Return the lock as it is, None when there is none."""
        try:
            item = self._ask("GET", f"{self._leases}/{NAME}")
        except client.ApiException as error:
            if error.status == NOT_FOUND:
                return None
            raise
        return Lease.of(item, self._now())

    def take(self, holder: Holder) -> Lease | None:
        """Take the lock, and make the namespace when there is none; return the dead one that was in the way.

        Raises:
            HeldError: A live run holds it.
        """
        dead = None
        for _ in range(_ATTEMPTS):
            lease = self.look()
            if lease is None:
                if self._create(holder):
                    return dead
            elif lease.holder.identity == holder.identity:
                return dead
            elif lease.is_live:
                raise HeldError(lease)
            elif self._delete(lease, version=lease.version):
                dead = lease
        raise RefusalError(f"Several runs reach for the lock of {self._namespace} at once. Run the playbook again.")

    def renew(self, identity: str) -> None:
        """Put off its end, by a patch that makes none anew.

        Raises:
            LostError: It is no longer the identity's.
        """
        body = [
            {"op": "test", "path": "/spec/holderIdentity", "value": identity},
            {"op": "replace", "path": "/spec/renewTime", "value": self._stamp()},
        ]
        try:
            self._ask("PATCH", f"{self._leases}/{NAME}", body, "application/json-patch+json")
        except client.ApiException as error:
            if error.status not in {NOT_FOUND, CONFLICT, UNPROCESSABLE}:
                raise
            lease = self.look()
            if lease is None or lease.holder.identity != identity:
                raise LostError(lease) from error

    def free(self, identity: str) -> Lease | None:
        """Delete the lock when it is the identity's; return what was there, whosever it is."""
        lease = self.look()
        if lease is not None and lease.holder.identity == identity:
            self._delete(lease)
        return lease

    def remove(self, lease: Lease) -> bool:
        """Delete the lock, whosever it is, unless it has another holder than the one that was read."""
        return self._delete(lease)

    def _create(self, holder: Holder) -> bool:
        now = self._stamp()
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": NAME, "annotations": {USER: holder.user, HOST: holder.host, COMMAND: holder.command}},
            "spec": {
                "holderIdentity": holder.identity,
                "leaseDurationSeconds": SECONDS,
                "acquireTime": now,
                "renewTime": now,
            },
        }
        try:
            self._ask("POST", self._leases, body)
        except client.ApiException as error:
            if error.status == NOT_FOUND:
                self._create_namespace()
            elif error.status != CONFLICT:
                raise
            return False
        return True

    def _create_namespace(self) -> None:
        """Make a bare one, which the role `namespace` completes."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self._namespace}}
        try:
            self._ask("POST", "/api/v1/namespaces", body)
        except client.ApiException as error:
            if error.status != CONFLICT:
                raise

    def _delete(self, lease: Lease, version: str | None = None) -> bool:
        """Return whether it is gone; False when it is another one, or has changed since that version."""
        conditions = {"uid": lease.uid} | ({"resourceVersion": version} if version else {})
        try:
            self._ask("DELETE", f"{self._leases}/{NAME}", {"preconditions": conditions})
        except client.ApiException as error:
            if error.status not in {NOT_FOUND, CONFLICT}:
                raise
            return bool(error.status == NOT_FOUND)
        return True

    @property
    def _leases(self) -> str:
        return f"/apis/coordination.k8s.io/v1/namespaces/{self._namespace}/leases"

    def _ask(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> dict[str, Any]:
        """Return what the API answers; an ApiException is one of its errors.

        Not by the client's own methods, which import hundreds of modules at their first call.
        """
        request = self._api.param_serialize(
            method,
            path,
            query_params=[] if method in {"GET", "DELETE"} else [("fieldManager", MANAGER)],
            header_params={"Accept": "application/json", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        response = self._api.call_api(*request, _request_timeout=_TIMEOUT)
        content = response.read()
        if date := response.headers.get("Date"):
            self._cluster_is_ahead = parsedate_to_datetime(date) - datetime.now(UTC)
        if not 200 <= response.status <= 299:
            raise client.ApiException.from_response(http_resp=response, body=content.decode(), data=None)
        found: dict[str, Any] = json.loads(content)
        return found

    def _now(self) -> datetime:
        return datetime.now(UTC) + self._cluster_is_ahead

    def _stamp(self) -> str:
        return self._now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
