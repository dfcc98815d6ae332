"""Action `image`: one image of the table built and pushed, unless the registry already holds it from the same sources.

name            of the image
table           stack_image_table
root            folder that relative paths of the table start at
registry        host[:port] to push to
authfile        file with the logins to it; empty: the user's usual one
release         tag
state_dir       folder of the builder's own storage
rootfs          program that makes a root file system from Debian packages
debian_sources  lines of apt's sources.list; empty: Debian's archive
refresh         look for newer Debian packages although the sources are the same

Returns digest, and a summary with the sizes.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.utils.display import Display
from ansible_collections.rowhouse.platform.plugins.module_utils.action import Action, required
from ansible_collections.rowhouse.platform.plugins.module_utils.image_build import Builder, BuildError, Recipe
from ansible_collections.rowhouse.platform.plugins.module_utils.registry import (
    BASE_DIGEST_LABEL,
    SOURCE_HASH_LABEL,
    Registry,
)
from ansible_collections.rowhouse.platform.plugins.module_utils.source_hash import (
    ImageRow,
    source_hash,
)


class ActionModule(Action):
    ARGUMENTS = required(
        name="str",
        table="dict",
        root="path",
        registry="str",
        authfile="str",
        release="str",
        state_dir="path",
        rootfs="path",
        debian_sources=["str"],
        refresh="bool",
    )
    _requires_connection = True

    def act(self, arguments: dict[str, Any], _variables: Mapping[str, Any]) -> dict[str, Any]:
        name, table, root, release = (arguments[key] for key in ("name", "table", "root", "release"))
        row: ImageRow = table[name]
        registry = Registry(arguments["registry"], arguments["authfile"])
        builder = Builder(
            Path(arguments["state_dir"]), Path(arguments["rootfs"]), arguments["debian_sources"], Display().display
        )

        labels = {SOURCE_HASH_LABEL: source_hash(table, name, Path(root))}
        base = None
        if "base" in row:
            base_repository = table[row["base"]]["repository"]
            base_image = registry.inspect(base_repository, release)
            if base_image:
                labels[BASE_DIGEST_LABEL] = base_image.digest
                base = registry.reference(base_repository, base_image.digest)
            elif not self._task.check_mode:
                raise BuildError(f"{name} stands on {row['base']}, which the registry lacks: list that one first")
        published = registry.inspect(row["repository"], release)

        # An image with a base gets newer Debian packages by its base's new digest.
        refresh = arguments["refresh"] and "base" not in row
        if published and not refresh and published.labels.items() >= labels.items():
            return self._outcome(row, registry, builder, name, published.digest, changed=False)
        if self._task.check_mode:
            return {"changed": True, "summary": f"{name}: would be built"}

        started = time.monotonic()
        recipe = Recipe(
            name=name,
            folder=Path(root, row["recipe"]),
            context=Path(root, row.get("context", row["recipe"])),
            base=base,
            labels=labels | {"org.opencontainers.image.title": name, "org.opencontainers.image.version": release},
        )
        destination = registry.reference(row["repository"], release)
        digest = builder.build(recipe, destination, registry.options)
        Display().display(f"{name}: built and pushed in {time.monotonic() - started:.1f} s")
        changed = published is None or digest != published.digest
        return self._outcome(row, registry, builder, name, digest, changed=changed)

    @staticmethod
    def _outcome(
        row: ImageRow, registry: Registry, builder: Builder, name: str, digest: str, *, changed: bool
    ) -> dict[str, Any]:
        to_pull = registry.compressed_size(row["repository"], digest) / 1e6
        unpacked = builder.size(name) or "built elsewhere"
        return {
            "changed": changed,
            "digest": digest,
            "summary": f"{name}: {to_pull:.1f} MB to pull, unpacked {unpacked}",
        }
