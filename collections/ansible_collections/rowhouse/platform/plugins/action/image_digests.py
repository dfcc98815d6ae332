"""Action `image_digests`: asks the registry for the digest of every image; refuses absent and outdated ones.

push_registry, pull_registry    the registry as this machine and as the nodes reach it
repositories                    name of an image to its repository
authfile                        file with the logins to it; empty: the user's usual one
release                         tag
source_hashes                   name of an image to the hash of the sources that it must be built from
by_tag                          true: ask nobody, return references by the release's tag
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.action import Action, required
from ansible_collections.rowhouse.platform.plugins.module_utils.playbooks import command
from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError
from ansible_collections.rowhouse.platform.plugins.module_utils.registry import (
    SOURCE_HASH_LABEL,
    Registry,
)


class UnfitImageError(Exception):
    """An image must be built before it can be deployed."""


class ActionModule(Action):
    ARGUMENTS = required(
        push_registry="str",
        pull_registry="str",
        authfile="str",
        repositories="dict",
        release="str",
        source_hashes="dict",
        by_tag="bool",
    )

    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        repositories: dict[str, str] = arguments["repositories"]
        tags_or_digests = dict.fromkeys(repositories, arguments["release"])
        if not arguments["by_tag"]:
            registry = Registry(arguments["push_registry"], arguments["authfile"])
            try:
                with ThreadPoolExecutor() as pool:
                    asked = {
                        name: pool.submit(
                            _digest, registry, repository, arguments["release"], arguments["source_hashes"][name]
                        )
                        for name, repository in repositories.items()
                    }
                    tags_or_digests = {name: answer.result() for name, answer in asked.items()}
            except UnfitImageError as error:
                raise RefusalError(
                    f"{error}. Run `{command('build', variables)}`, then this playbook again."
                ) from error
        pulled_from = Registry(arguments["pull_registry"])
        references = {
            name: pulled_from.reference(repository, tags_or_digests[name]) for name, repository in repositories.items()
        }
        return {"references": references}


def _digest(registry: Registry, repository: str, release: str, source_hash: str) -> str:
    image = registry.inspect(repository, release)
    if image is None:
        raise UnfitImageError(f"{repository}:{release} is not in the registry")
    if image.labels.get(SOURCE_HASH_LABEL) != source_hash:
        raise UnfitImageError(f"{repository}:{release} in the registry was built from other sources than the ones here")
    return image.digest
