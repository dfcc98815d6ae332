"""Action `image_sbom`: what is in an image, Debian's packages and wheels with their versions, as a file of SPDX.

name            of the image; the file is NAME.spdx.json
repository      of the image
registry        host[:port] of the registry
authfile        file with the logins to it; empty: the user's usual one
release         tag
syft            program that looks into images
folder          where the file goes
"""

import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.action import Action, required
from ansible_collections.rowhouse.platform.plugins.module_utils.playbooks import command
from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError
from ansible_collections.rowhouse.platform.plugins.module_utils.registry import Registry


class ActionModule(Action):
    ARGUMENTS = required(
        name="str", repository="str", registry="str", authfile="str", release="str", syft="path", folder="path"
    )

    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        registry = Registry(arguments["registry"], arguments["authfile"])
        repository, release = arguments["repository"], arguments["release"]
        image = registry.inspect(repository, release)
        if image is None:
            raise RefusalError(
                f"{repository}:{release} is not in the registry. Run `{command('build', variables)}` first."
            )
        file = Path(arguments["folder"], f"{arguments['name']}.spdx.json")
        # The document names the digest that it was made from.
        if file.exists() and image.digest in file.read_text(encoding="utf-8"):
            return {}
        if not self._task.check_mode:
            with tempfile.TemporaryDirectory() as folder:
                registry.copy(repository, image.digest, f"oci:{folder}:{release}")
                _write(arguments["syft"], folder, repository, image.digest, file)
        return {"changed": True, "msg": str(file)}


def _write(syft: str, image: str, repository: str, digest: str, file: Path) -> None:
    unfinished = file.with_suffix(".unfinished")
    words = [syft, "scan", f"oci-dir:{image}", f"--source-name={repository}", f"--source-version={digest}", "--quiet"]
    words.append(f"--output=spdx-json={unfinished}")
    looked = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
    if looked.returncode:
        raise RefusalError(f"syft could not look into {repository}@{digest}: {looked.stderr.strip()}")
    if not json.loads(unfinished.read_text(encoding="utf-8"))["packages"]:
        raise RefusalError(f"syft found no package in {repository}@{digest}, and there are some")
    unfinished.replace(file)
