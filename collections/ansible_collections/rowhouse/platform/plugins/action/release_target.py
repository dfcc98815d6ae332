"""Action `release_target`: finds the release to put back, with its objects.

kubeconfig, context     the target
namespace               whose releases
name                    of the release; empty: the last good one that differs from what runs
failed                  {part: objects} of a rollout that failed: then it is the release that ran before it, from the
                        registry that it was pulled from
pull_registry           the registry as the nodes reach it
push_registry           the same as this machine reaches it: it must have the images of a release that is rolled back to
authfile                file with the logins to it; empty: the user's usual one

Returns `release`, its facts with its name, and `objects`. Both are empty when nothing good ran before a failed rollout,
or nothing else.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible.utils.display import Display
from ansible_collections.rowhouse.platform.plugins.module_utils.action import required
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster_action import TARGET, ClusterAction
from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError
from ansible_collections.rowhouse.platform.plugins.module_utils.registry import Registry, RegistryError
from ansible_collections.rowhouse.platform.plugins.module_utils.release_store import ReleaseStore
from ansible_collections.rowhouse.platform.plugins.module_utils.releases import (
    current,
    own_images,
    target,
    unpack,
)


class ActionModule(ClusterAction):
    ARGUMENTS = (
        TARGET
        | required(namespace="str", name="str", pull_registry="str", push_registry="str", authfile="str")
        | {"failed": {"type": "dict"}}
    )

    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        namespace, failed = arguments["namespace"], arguments["failed"]
        releases = ReleaseStore(self.connect(arguments, variables), namespace).releases()
        found = target(releases, arguments["name"], namespace) if failed is None else current(releases)
        if found is None:
            return {"release": {}, "objects": {}}
        registry = arguments["pull_registry"] if failed is None else found.facts["registry"]
        objects = unpack(found.packed, registry)
        if failed is None:
            push_registry = Registry(arguments["push_registry"], arguments["authfile"])
            _refuse_absent(push_registry, found.name, own_images(found.packed))
        elif all(objects.get(part) == items for part, items in failed.items()):
            return {"release": {}, "objects": {}}
        return {"release": {"name": found.name, **found.facts}, "objects": objects}


def _refuse_absent(registry: Registry, name: str, images: Iterable[tuple[str, str]]) -> None:
    try:
        with ThreadPoolExecutor() as pool:
            asked = {image: pool.submit(registry.inspect, *image) for image in images}
            absent = [registry.reference(*image) for image, answer in asked.items() if answer.result() is None]
    except RegistryError as error:
        # The nodes may have the images: who has to roll back now shall not need a registry for it.
        Display().warning(f"Nobody knows whether the images of {name} are still there. {error}")
        return
    if absent:
        lacking = "\n".join(absent)
        raise RefusalError(f"{name} cannot be rolled back to: the registry no longer has\n{lacking}")
