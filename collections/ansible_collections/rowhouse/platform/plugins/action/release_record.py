"""Action `release_record`: keeps what was deployed, and how that went, as a release in its namespace.

Without a change there is nothing new to keep: the release that runs already is returned then.

kubeconfig, context     the target
namespace               where
labels                  of the record
objects                 {part: objects} as they were applied, in their order
changed                 whether any of them was changed by this run
registry                the registry as the nodes reach it
outcome                 good, failed, or restored: failed, and the last good release runs again
reason                  of a failure
release                 version of the product
by                      who deploys; empty: user and host of this process
root                    folder of the checkout
source                  facts of the release that was rolled back to; left out for a deployment
started                 seconds of the clock when the run began

Returns `release`, its facts with its name, and `told`: lines about it.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.action import required
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster_action import TARGET, ClusterAction
from ansible_collections.rowhouse.platform.plugins.module_utils.origin import commit, operator
from ansible_collections.rowhouse.platform.plugins.module_utils.release_store import ReleaseStore
from ansible_collections.rowhouse.platform.plugins.module_utils.release_text import told
from ansible_collections.rowhouse.platform.plugins.module_utils.releases import (
    FAILED,
    GOOD,
    RESTORED,
    Parts,
    Release,
    current,
    facts_of,
    pack,
    writable_datasets,
)


class ActionModule(ClusterAction):
    ARGUMENTS = (
        TARGET
        | required(
            namespace="str",
            labels="dict",
            objects="dict",
            changed="bool",
            registry="str",
            reason="str",
            release="str",
            by="str",
            root="path",
            started="float",
        )
        | {
            "outcome": {"type": "str", "choices": [GOOD, FAILED, RESTORED], "required": True},
            "source": {"type": "dict"},
        }
    )
    _supports_check_mode = False

    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        store = ReleaseStore(self.connect(arguments, variables), arguments["namespace"])
        source, good = arguments["source"], arguments["outcome"] == GOOD
        content = facts_of(arguments["objects"], arguments["registry"])
        release = _unchanged(store, content) if good and not arguments["changed"] else None
        is_new = release is None
        if release is None:
            began = arguments["started"]
            facts = {
                "at": datetime.fromtimestamp(began, UTC).isoformat(timespec="seconds"),
                "by": arguments["by"] or operator(),
                "what": f"rollback to {source['name']}" if source else "deploy",
                "outcome": arguments["outcome"],
                "reason": arguments["reason"],
                "seconds": round(time.time() - began, 1),
                "release": source["release"] if source else arguments["release"],
                "commit": source["commit"] if source else commit(Path(arguments["root"])),
                **content,
                "registry": arguments["registry"],
                # Of one that failed nobody serves anything.
                "datasets": _datasets(store, arguments["objects"]) if good else {},
            }
            release = store.add(
                facts, pack(arguments["objects"], arguments["registry"]) if good else b"", arguments["labels"]
            )
        facts = {"name": release.name, **release.facts}
        return {"changed": is_new, "release": facts, "told": told(facts, source, is_new=is_new)}


def _datasets(store: ReleaseStore, objects: Parts) -> dict[str, dict[str, Any]]:
    writable = writable_datasets(objects)
    return {name: {**dataset, "writable": name in writable} for name, dataset in store.datasets().items()}


def _unchanged(store: ReleaseStore, content: Mapping[str, Any]) -> Release | None:
    running = current(store.releases())
    return running if running and running.content == (content["config"], content["images"]) else None
