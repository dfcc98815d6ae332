"""The target cluster: the connection, and what it answers.

ClusterError    says which setting in which file is wrong, or what to start
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError
from ansible_collections.rowhouse.platform.plugins.module_utils.variables import defining_file
from kubernetes import client, config, dynamic
from kubernetes.stream import stream
from urllib3.exceptions import HTTPError

NOT_FOUND = 404
# Of writing to an object that others write to.
_TRIES = 20


class ClusterError(RefusalError):
    """The target cannot take a deployment; the message is for the user."""


class Cluster:
    """Reads objects of one cluster as the plain mappings that its API answers with."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api
        self._dynamic = dynamic.DynamicClient(api)

    @property
    def api(self) -> client.ApiClient:
        """The client underneath."""
        return self._api

    @classmethod
    def connect(cls, kubeconfig: str, context: str, inventory: Path) -> "Cluster":
        """Connect to the cluster of the context.

        Raises:
            ClusterError: The kubeconfig or the context does not exist, or the cluster does not answer.
        """
        if not any(Path(path).is_file() for path in kubeconfig.split(os.pathsep)):
            raise ClusterError(
                f"There is no kubeconfig {kubeconfig}. Run `make up` for a local cluster, or set KUBECONFIG "
                "or stack_kubeconfig to the kubeconfig of yours."
            )
        try:
            contexts, _ = config.list_kube_config_contexts(config_file=kubeconfig)
            names = sorted(item["name"] for item in contexts)
            if context not in names:
                file = defining_file("stack_context", [inventory]) or inventory / "group_vars/all/main.yml"
                raise ClusterError(
                    f"stack_context is {context}, but {kubeconfig} has no such context, only {', '.join(names)}. "
                    f"Set stack_context in {file}, or KUBECONFIG to another file."
                )
            api = config.new_client_from_config(config_file=kubeconfig, context=context)
        except (config.ConfigException, TypeError, yaml.YAMLError) as error:
            raise ClusterError(f"{kubeconfig} is not a usable kubeconfig: {error}") from error
        # One try is enough to tell that nobody is there; the default of four takes a minute to say so.
        api.configuration.retries = False
        try:
            client.VersionApi(api).get_code(_request_timeout=10)
            return cls(api)
        except (client.ApiException, HTTPError) as error:
            reason = getattr(error, "reason", None) or error
            raise ClusterError(
                f"The cluster of context {context} in {kubeconfig} does not answer at {api.configuration.host} "
                f"({reason}). Start it (the local one: `make up`) or renew its credentials."
            ) from error

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Mapping[str, Any] | None:
        """Return the object, or None when there is none."""
        try:
            found: dict[str, Any] = self._resource(api_version, kind).get(name=name, namespace=namespace).to_dict()
        except client.ApiException as error:
            if error.status == NOT_FOUND:
                return None
            raise
        return found

    def find(
        self, api_version: str, kind: str, namespace: str | None = None, selector: str | None = None
    ) -> list[Mapping[str, Any]]:
        """Return the objects, of all namespaces without one."""
        found = self._resource(api_version, kind).get(namespace=namespace, label_selector=selector)
        items: list[Mapping[str, Any]] = found.to_dict()["items"]
        return items

    def find_kinds(self, kinds: Iterable[Mapping[str, str]], namespace: str) -> list[Mapping[str, Any]]:
        """Return the namespace's objects of several kinds, each {api_version, kind}.

        Of a kind that the cluster does not serve, or that one may not even list, there is nothing of ours.
        """
        return [
            # In a list the API leaves kind and version to the list.
            {**item, "apiVersion": kind["api_version"], "kind": kind["kind"]}
            for kind in kinds
            for item in self._find_if_served(kind["api_version"], kind["kind"], namespace)
        ]

    def find_with_namespace(self, kinds: Iterable[Mapping[str, str]], namespace: str) -> list[Mapping[str, Any]]:
        """Return the namespace and then its objects, as `find_kinds`; nothing where it does not exist.

        Who may not even look for it has not made it.
        """
        with contextlib.suppress(dynamic.exceptions.ForbiddenError):
            own = self.get("v1", "Namespace", namespace)
            return [] if own is None else [own, *self.find_kinds(kinds, namespace)]
        return []

    def create(self, item: Mapping[str, Any]) -> bool:
        """Create the object; returns False when there is one of that name."""
        try:
            self._resource(item["apiVersion"], item["kind"]).create(body=item, namespace=item["metadata"]["namespace"])
        except dynamic.exceptions.ConflictError:
            return False
        return True

    def delete(self, item: Mapping[str, Any]) -> None:
        """Delete the object, and what it owns in the background. One that is gone is fine."""
        with contextlib.suppress(dynamic.exceptions.NotFoundError):
            self._resource(item["apiVersion"], item["kind"]).delete(
                name=item["metadata"]["name"],
                namespace=item["metadata"].get("namespace"),
                body={"propagationPolicy": "Background"},
            )

    def set_managed_fields(
        self, item: Mapping[str, Any], wanted: Callable[[Mapping[str, Any]], list[dict[str, Any]] | None]
    ) -> None:
        """Say anew who owns which fields of an object.

        Args:
            item: The object as it was seen.
            wanted: What to say of the object as it is; None: nothing. Asked again when it has changed meanwhile.

        Raises:
            ConflictError: It changes all the time.
        """
        metadata = item["metadata"]
        for attempt in range(_TRIES):
            fields = wanted(item)
            if fields is None:
                return
            body = {"metadata": {"resourceVersion": item["metadata"]["resourceVersion"], "managedFields": fields}}
            try:
                self._resource(item["apiVersion"], item["kind"]).patch(
                    name=metadata["name"],
                    namespace=metadata.get("namespace"),
                    content_type="application/merge-patch+json",
                    body=body,
                )
                return
            except dynamic.exceptions.NotFoundError:
                return
            except dynamic.exceptions.ConflictError:
                # Controllers write what they count into it, above all while it is rolled out.
                if attempt == _TRIES - 1:
                    raise
            latest = self.get(item["apiVersion"], item["kind"], metadata["name"], metadata.get("namespace"))
            if latest is None:
                return
            item = latest

    def last_log_lines(self, pod: str, namespace: str, container: str, *, previous: bool) -> str:
        """Return the last lines that the container wrote, or why there are none."""
        try:
            text: str = client.CoreV1Api(self._api).read_namespaced_pod_log(
                pod, namespace, container=container, previous=previous, tail_lines=20
            )
        except client.ApiException as error:
            return f"(no log: {error.reason})"
        return text.strip()

    def ask_service(self, service: str, port: str, path: str, namespace: str) -> str | bytes:
        """Return what a Service answers to a GET that the cluster passes on; nothing when it does not.

        No way from here to the Service is needed for it, but the right to its `proxy`.
        """
        get = client.CoreV1Api(self._api).connect_get_namespaced_service_proxy_with_path
        return _passed_on(get, f"{service}:{port}", namespace, path)

    def ask_pod(self, pod: str, port: int, path: str, namespace: str) -> str:
        """Return what a pod answers to such a GET; nothing when it does not."""
        get = client.CoreV1Api(self._api).connect_get_namespaced_pod_proxy_with_path
        answer = _passed_on(get, f"{pod}:{port}", namespace, path)
        return answer.decode() if isinstance(answer, bytes) else ""

    def run_in_pod(self, pod: str, container: str, command: list[str], namespace: str) -> str | None:
        """Return what a command in a running container writes; None when it cannot run there."""
        try:
            said: str = self._exec(pod, container, command, namespace, stderr=False, stdin=False, _request_timeout=10)
        except (client.ApiException, HTTPError):
            return None
        return said

    def feed_in_pod(self, pod: str, container: str, command: list[str], text: str, namespace: str) -> str:
        """Give the text to a command in a running container; return what it writes, or why it cannot run there."""
        try:
            process = self._exec(pod, container, command, namespace, stderr=True, stdin=True, _preload_content=False)
            process.write_stdin(text)
            process.run_forever(timeout=30)
        except (client.ApiException, HTTPError) as error:
            return str(error)
        return f"{process.read_stderr()}{process.read_stdout()}"

    def _exec(self, pod: str, container: str, command: list[str], namespace: str, **options: Any) -> Any:
        connect = client.CoreV1Api(self._api).connect_get_namespaced_pod_exec
        return stream(connect, pod, namespace, container=container, command=command, stdout=True, tty=False, **options)

    def would_apply(self, item: Mapping[str, Any], manager: str) -> Mapping[str, Any]:
        """Return the object as it would be after a server-side apply, which is not made."""
        resource = self._resource(item["apiVersion"], item["kind"])
        made: dict[str, Any] = resource.server_side_apply(
            body=item,
            name=item["metadata"]["name"],
            namespace=item["metadata"].get("namespace"),
            field_manager=manager,
            force_conflicts=True,
            dry_run="All",
        ).to_dict()
        return made

    def _find_if_served(self, api_version: str, kind: str, namespace: str) -> list[Mapping[str, Any]]:
        # Not by the dynamic client, which for a kind that it does not know looks through the whole cluster once more.
        if api_version not in self._served:
            return []
        with contextlib.suppress(dynamic.exceptions.ForbiddenError):
            return self.find(api_version, kind, namespace)
        return []

    @cached_property
    def _served(self) -> frozenset[str]:
        groups = client.ApisApi(self._api).get_api_versions().groups
        return frozenset({"v1", *(version.group_version for group in groups for version in group.versions)})

    def _resource(self, api_version: str, kind: str) -> Any:
        return self._dynamic.resources.get(api_version=api_version, kind=kind)


def _passed_on(get: Callable[..., Any], place: str, namespace: str, path: str) -> str | bytes:
    try:
        answer = get(place, namespace, path, _preload_content=False, _request_timeout=10)
    except client.ApiException as error:
        # It may have answered, but not that all is well.
        refused: str | bytes = error.body or ""
        return refused
    except HTTPError:
        return ""
    content: bytes = answer.data
    return content


def explain(error: client.ApiException) -> str:
    """Return what the API says of its error."""
    try:
        text: str = json.loads(error.body or "")["message"]
    except (ValueError, KeyError, TypeError):
        return str(error.reason)
    return text
