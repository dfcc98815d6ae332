"""A program that tells the contradictions in input: a list of variables in, a list of lists of sentences out, as JSON.

A program, because Ansible finds the collection's filters only where nothing has imported the collection before.
"""

import json
import sys
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

from tests.contract import role_readme

ROLES = role_readme.ROLES[0].parent


def main() -> None:
    init_plugin_loader([])
    loader = DataLoader()
    known: dict[str, Any] = {}
    for pattern in ("*/defaults/main.yml", "stack/vars/main/*.yml"):
        for path in sorted(ROLES.glob(pattern)):
            known |= loader.load_from_file(str(path), trusted_as_template=True) or {}
    # As the validation does: the other sentences are not even made.
    told = trust_as_template("{{ __stack_contradictions | selectattr('wrong') | map(attribute='text') }}")
    json.dump([Templar(variables=known | chosen).template(told) for chosen in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    main()
