"""Action `image_tags`: further tags for the images of a release, each naming the same digest.

registry        host[:port] of the registry
authfile        file with the logins to it; empty: the user's usual one
repositories    name of an image to its repository
release         tag that they have
tags            tags that they get
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.action import Action, required
from ansible_collections.rowhouse.platform.plugins.module_utils.registry import Registry


class ActionModule(Action):
    ARGUMENTS = required(registry="str", authfile="str", repositories="dict", release="str", tags=["str"])

    def act(self, arguments: dict[str, Any], _variables: Mapping[str, Any]) -> dict[str, Any]:
        registry = Registry(arguments["registry"], arguments["authfile"])
        lines = []
        for repository in arguments["repositories"].values():
            image = registry.inspect(repository, arguments["release"])
            for tag in arguments["tags"]:
                tagged = registry.inspect(repository, tag)
                # In check mode the image itself may not be there yet.
                if image is None or tagged is None or tagged.digest != image.digest:
                    lines.append(f"{repository}:{tag}")
                    if image is not None and not self._task.check_mode:
                        registry.copy(repository, image.digest, f"docker://{registry.reference(repository, tag)}")
        return self.found(lines)
