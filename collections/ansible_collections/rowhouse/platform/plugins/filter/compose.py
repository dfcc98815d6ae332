"""Filter `compose`: the objects of a deployment as a folder for `docker compose up` and `podman compose up`.

Each container becomes a service, with its arguments, environment, files, checks and memory as Kubernetes has them.
What a compose file has and Kubernetes has not comes from the role render.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.rowhouse.platform.plugins.filter.quantity_bytes import quantity_bytes
from ansible_collections.rowhouse.platform.plugins.module_utils.yaml_text import yaml_text

NAME = "app.kubernetes.io/name"
WORKLOADS = ("StatefulSet", "Job", "Deployment")

COMPOSE_UNITS = {"g": 2**30, "m": 2**20, "k": 2**10}

type Object = Mapping[str, Any]


def compose(
    objects: Sequence[Object],
    *,
    name: str,
    secrets: Sequence[Object],
    own: Mapping[str, Object],
    note: str,
) -> dict[str, str]:
    """Return the folder as {path: text}: compose.yaml, and what the ConfigMaps hold.

    Args:
        objects: As a deployment applies them.
        name: Of the project.
        secrets: Rows of stack_secrets; their passwords come from .env.
        own: Each service to what it has beyond its container. A text replaces, a list is appended, a mapping is merged.
        note: What stands above compose.yaml.
    """
    config_maps = {item["metadata"]["name"]: item for item in objects if item["kind"] == "ConfigMap"}
    services: dict[str, dict[str, Any]] = {}
    files: dict[str, str] = {}
    for item in (item for kind in WORKLOADS for item in objects if item["kind"] == kind):
        service = item["metadata"]["labels"][NAME]
        # What watches a namespace has nothing to see without one.
        if service in own:
            services[service] = _merged(_service(item, config_maps, secrets), own[service])
            files |= _files(item, config_maps)
    for content in services.values():
        # One that somebody else runs is none of ours.
        waited_for = {key: value for key, value in content.get("depends_on", {}).items() if key in services}
        content.pop("depends_on", None)
        content |= {"depends_on": waited_for} if waited_for else {}
    mounts = [mount for content in services.values() for mount in content.get("volumes", [])]
    volumes: dict[str, Object] = {mount.split(":")[0]: {} for mount in mounts if not mount.startswith("./")}
    whole = {"name": name, "services": services} | ({"volumes": volumes} if volumes else {})
    return {"compose.yaml": yaml_text(whole, note), **files}


def env_names(secrets: Sequence[Object]) -> list[str]:
    """Return the names that .env has the passwords of the Secrets by."""
    return [_env_name(row, key) for row in secrets if row["variable"] for key in row["keys"]]


def _env_name(row: Object, key: str) -> str:
    """Return the name of the variable of the inventory that would hold it, in upper case."""
    return f"{row['variable'].removesuffix('_existing_secret')}_{key}".replace("-", "_").upper()


def _service(item: Object, config_maps: Mapping[str, Object], secrets: Sequence[Object]) -> dict[str, Any]:
    pod = item["spec"]["template"]["spec"]
    container = pod["containers"][0]
    user, security = pod["securityContext"], container["securityContext"]
    content = {
        "image": container["image"],
        "restart": "no" if item["kind"] == "Job" else "unless-stopped",
        "user": f"{user['runAsUser']}:{user['runAsGroup']}",
        "command": [_literal(word) for word in container.get("args", [])],
        "environment": dict(_environment(container, secrets)),
        "mem_limit": _memory(container["resources"]["limits"]["memory"]),
        "read_only": security["readOnlyRootFilesystem"],
        "cap_drop": security["capabilities"]["drop"],
        "security_opt": [] if security["allowPrivilegeEscalation"] else ["no-new-privileges"],
        "tmpfs": list(_tmpfs(pod, container)),
        "volumes": list(_volumes(item, pod, container, config_maps)),
        "healthcheck": _healthcheck(container),
        "stop_grace_period": f"{pod['terminationGracePeriodSeconds']}s"
        if "terminationGracePeriodSeconds" in pod
        else "",
    }
    return {key: value for key, value in content.items() if value}


def _environment(container: Object, secrets: Sequence[Object]) -> Iterator[tuple[str, str]]:
    for variable in container.get("env", []):
        if "value" in variable:
            yield variable["name"], _literal(variable["value"])
        else:
            wanted = variable["valueFrom"]["secretKeyRef"]
            # None for what there is nothing of under compose.
            for row in (row for row in secrets if row["name"] == wanted["name"]):
                name = _env_name(row, wanted["key"])
                yield variable["name"], f"${{{name}:?set {name} in .env}}"


def _tmpfs(pod: Object, container: Object) -> Iterator[str]:
    for volume, mount in _mounts(pod, container):
        if "emptyDir" in volume:
            limit = volume["emptyDir"].get("sizeLimit")
            yield f"{mount['mountPath']}:size={_memory(limit)}" if limit else mount["mountPath"]


def _volumes(item: Object, pod: Object, container: Object, config_maps: Mapping[str, Object]) -> Iterator[str]:
    claims = {claim["metadata"]["name"] for claim in item["spec"].get("volumeClaimTemplates", [])}
    for mount in container["volumeMounts"]:
        if mount["name"] in claims:
            yield f"{item['metadata']['name']}-{mount['name']}:{mount['mountPath']}"
    for volume, mount in _mounts(pod, container):
        if "configMap" in volume:
            # z: on a machine with SELinux all containers may read it.
            yield f"./{_folder(config_maps[volume['configMap']['name']])}:{mount['mountPath']}:ro,z"


def _mounts(pod: Object, container: Object) -> Iterator[tuple[Object, Object]]:
    volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
    for mount in container["volumeMounts"]:
        if mount["name"] in volumes:
            yield volumes[mount["name"]], mount


def _files(item: Object, config_maps: Mapping[str, Object]) -> Iterator[tuple[str, str]]:
    for volume in item["spec"]["template"]["spec"].get("volumes", []):
        if "configMap" in volume:
            config_map = config_maps[volume["configMap"]["name"]]
            items = volume["configMap"].get("items") or [{"key": key, "path": key} for key in config_map["data"]]
            for entry in items:
                yield f"{_folder(config_map)}/{entry['path']}", config_map["data"][entry["key"]]


def _folder(config_map: Object) -> str:
    """Return the folder of its files: its name, without the hash of one that is named by its content."""
    name: str = config_map["metadata"]["name"]
    return name.rpartition("-")[0] if config_map.get("immutable") else name


def _healthcheck(container: Object) -> dict[str, Any]:
    """Return what the probes say. A test that is no command has to come from the role."""
    if "readinessProbe" not in container:
        return {}
    ready, startup = container["readinessProbe"], container.get("startupProbe")
    command = ready.get("exec", {}).get("command")
    content = {
        "test": ["CMD", *command] if command else [],
        "interval": f"{ready['periodSeconds']}s",
        "timeout": f"{ready.get('timeoutSeconds', 1)}s",
        "retries": ready.get("failureThreshold", 3),
        "start_period": f"{startup['periodSeconds'] * startup['failureThreshold']}s" if startup else "",
    }
    return {key: value for key, value in content.items() if value}


def _memory(quantity: str) -> str:
    """Return 512Mi as 512m, in the largest unit that leaves no rest."""
    size = quantity_bytes(quantity)
    return next((f"{size // unit}{name}" for name, unit in COMPOSE_UNITS.items() if size % unit == 0), f"{size}b")


def _literal(text: str) -> str:
    """Return the text as compose takes it for itself: it puts variables in place of all that begins with $.

    Kubernetes does so with $(NAME) only, and takes $$(NAME) for itself.
    """
    return text.replace("$$(", "$(").replace("$", "$$")


def _merged(content: Object, own: Object) -> dict[str, Any]:
    merged = {**content, **own}
    for key in content.keys() & own.keys():
        if isinstance(content[key], Mapping):
            merged[key] = _merged(content[key], own[key])
        elif isinstance(content[key], list):
            merged[key] = [*content[key], *own[key]]
    return merged


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"compose": compose, "env_names": env_names}
