"""Action `image_digests`: asks the registry for the digest of every image; refuses absent and outdated ones.

push_registry, pull_registry    the registry as this machine and as the nodes reach it
repositories                    name of an image to its repository
release                         tag
source_hashes                   name of an image to the hash of the sources that it must be built from
placeholders                    true: ask nobody, return references that no registry has
"""

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
    "repositories": {"type": "dict", "required": True},
    "release": {"type": "str", "required": True},
    "source_hashes": {"type": "dict", "required": True},
    "placeholders": {"type": "bool", "required": True},
}
PLACEHOLDER_DIGEST = "sha256:" + "0" * 64


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(ARGUMENTS)
        repositories: dict[str, str] = arguments["repositories"]
        digests = dict.fromkeys(repositories, PLACEHOLDER_DIGEST)
        if not arguments["placeholders"]:
            registry = Registry(arguments["push_registry"])
            try:
                with ThreadPoolExecutor() as pool:
                    asked = {
                        name: pool.submit(self._digest, registry, repository, arguments["release"], source_hash)
                        for name, repository in repositories.items()
                        for source_hash in [arguments["source_hashes"][name]]
                    }
                    digests = {name: answer.result() for name, answer in asked.items()}
            except RegistryError as error:
                return {**result, "failed": True, "msg": str(error)}
        references = {
            name: f"{arguments['pull_registry']}/{repository}@{digests[name]}"
            for name, repository in repositories.items()
        }
        return {**result, "changed": False, "references": references}

    @staticmethod
    def _digest(registry: Registry, repository: str, release: str, source_hash: str) -> str:
        image = registry.inspect(repository, release)
        problem = ""
        if image is None:
            problem = f"{repository}:{release} is not in the registry"
        elif image.labels.get(SOURCE_HASH_LABEL) != source_hash:
            problem = f"{repository}:{release} in the registry was built from other sources than the ones here"
        if image is None or problem:
            raise RegistryError(
                f"{problem}. Run `ansible-playbook playbooks/build.yml` with the inventory of this run (-i)."
            )
        digest: str = image.digest
        return digest
