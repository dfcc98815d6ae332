#!/usr/bin/python
"""Finds and removes what a local cluster has outside its folder."""

from __future__ import annotations

DOCUMENTATION = """
module: local_cluster_remains
short_description: Removes what a local cluster has outside its folder
description:
  - Ends its processes and removes its mounts, network interfaces, packet filter rules, cgroups and files.
  - It looks at what is there, never at PID files, so it also works when the cluster was killed half way.
  - What other programs on the machine made is left alone.
author: Rowhouse
options:
  root:
    description: The cluster's folder. Processes of programs below it are the cluster's.
    type: path
    required: true
  run_dir:
    description: The cluster's folder of sockets and mounts.
    type: path
    required: true
  bridge:
    description: The network interface that connects the pods.
    type: str
    required: true
  cgroup:
    description: The cgroup that the pods are below.
    type: str
    required: true
  kinds:
    description:
      - What to remove. V(programs) are the supervisor and what it runs; pods go on without them.
    type: list
    elements: str
    choices: [programs, containers, mounts, interfaces, rules, cgroups, files]
    default: [programs, containers, mounts, interfaces, rules, cgroups, files]
attributes:
  check_mode:
    description: Tells what would be removed.
    support: full
"""

EXAMPLES = """
- name: Ensure that nothing is left of the cluster
  rowhouse.platform.local_cluster_remains:
    root: /var/lib/rowhouse
    run_dir: /run/rowhouse
    bridge: rowhouse0
    cgroup: rowhouse
"""

RETURN = """
removed:
  description: What was there, by kind.
  type: dict
  returned: always
"""


from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.rowhouse.platform.plugins.module_utils import local_cluster  # noqa: E402


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "run_dir": {"type": "path", "required": True},
            "bridge": {"type": "str", "required": True},
            "cgroup": {"type": "str", "required": True},
            "kinds": {
                "type": "list",
                "elements": "str",
                "choices": list(local_cluster.KINDS),
                "default": list(local_cluster.KINDS),
            },
        },
        supports_check_mode=True,
    )
    remains = local_cluster.Remains(
        root=module.params["root"],
        run_dir=module.params["run_dir"],
        bridge=module.params["bridge"],
        cgroup=module.params["cgroup"],
    )
    removed: dict[str, list[str]] = {}
    try:
        for kind in module.params["kinds"]:
            removed[kind] = remains.remove(kind, dry_run=module.check_mode)
    except local_cluster.RemainsError as error:
        module.fail_json(msg=str(error), removed=removed)
    module.exit_json(changed=any(removed.values()), removed=removed)


if __name__ == "__main__":
    main()
