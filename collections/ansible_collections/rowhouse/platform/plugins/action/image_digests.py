"""Action `image_digests`: asks the registry for the digest of every image; refuses absent and outdated ones.

push_registry, pull_registry    the registry as this machine and as the nodes reach it
repositories                    name of an image to its repository
authfile                        file with the logins to it; empty: the user's usual one
release                         tag
source_hashes                   name of an image to the hash of the sources that it must be built from
placeholders                    true: ask nobody, return references that no registry has
"""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.rowhouse.platform.plugins.module_utils.registry import (
    SOURCE_HASH_LABEL,
    Registry,
    RegistryError,
)

ARGUMENTS = {
    "push_registry": {"type": "str", "required": True},
    "pull_registry": {"type": "str", "required": True},
    "authfile": {"type": "str", "required": True},
    "repositories": {"type": "dict", "required": True},
    "release": {"type": "str", "required": True},
    "source_hashes": {"type": "dict", "required": True},
    "placeholders": {"type": "bool", "required": True},
}
PLACEHOLDER_DIGEST = "sha256:" + "0" * 64


class UnfitImageError(Exception):
    """An image must be built before it can be deployed."""


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(ARGUMENTS)
        repositories: dict[str, str] = arguments["repositories"]
        digests = dict.fromkeys(repositories, PLACEHOLDER_DIGEST)
        if not arguments["placeholders"]:
            registry = Registry(arguments["push_registry"], arguments["authfile"])
            try:
                with ThreadPoolExecutor() as pool:
                    asked = {
                        name: pool.submit(
                            _digest, registry, repository, arguments["release"], arguments["source_hashes"][name]
                        )
                        for name, repository in repositories.items()
                    }
                    digests = {name: answer.result() for name, answer in asked.items()}
            except UnfitImageError as error:
                inventory = os.path.relpath((task_vars or {})["inventory_dir"])
                build = f"ansible-playbook playbooks/build.yml -i {inventory}"
                return {**result, "failed": True, "msg": f"{error}. Run `{build}`, then this playbook again."}
            except RegistryError as error:
                return {**result, "failed": True, "msg": str(error)}
        references = {
            name: f"{arguments['pull_registry']}/{repository}@{digests[name]}"
            for name, repository in repositories.items()
        }
        return {**result, "changed": False, "references": references}


def _digest(registry: Registry, repository: str, release: str, source_hash: str) -> str:
    image = registry.inspect(repository, release)
    if image is None:
        raise UnfitImageError(f"{repository}:{release} is not in the registry")
    if image.labels.get(SOURCE_HASH_LABEL) != source_hash:
        raise UnfitImageError(f"{repository}:{release} in the registry was built from other sources than the ones here")
    return image.digest
