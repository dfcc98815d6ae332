"""Action `database_role`: ensures the role rowhouse_monitor of our own PostgreSQL, which reads statistics and no table.

A database that is older than its monitoring has no such role, and only from inside its pod a superuser logs in.

kubeconfig, context     the target
namespace               of the pod
secret, key             where the role's password is
"""

import base64
from collections.abc import Mapping
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.action import required
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster_action import TARGET, ClusterAction
from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError

POD = "postgres-0"
# The password comes by standard input and stays in the environment: no command line and no log holds it.
SCRIPT = r"""
set -u
read -r MONITOR_PASSWORD
export MONITOR_PASSWORD
query() { psql --no-psqlrc --quiet --no-align --tuples-only --dbname=rowhouse --set=ON_ERROR_STOP=1 "$@"; }
known="SELECT pg_has_role('pg_monitor', 'member')"
as_itself() { PGPASSWORD=$MONITOR_PASSWORD query --host=127.0.0.1 --username=rowhouse_monitor "$@" 2>&1; }
if [ "$(as_itself --command="$known")" = t ]; then
  echo unchanged
  exit
fi
export PGPASSWORD="$(cat /run/secrets/postgres/superuser-password)"
query --host=/run/postgresql --username=postgres 2>&1 <<'SQL' && echo changed
\getenv password MONITOR_PASSWORD
SET log_min_error_statement = panic;
SELECT 'CREATE ROLE rowhouse_monitor LOGIN CONNECTION LIMIT 5'
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rowhouse_monitor') \gexec
GRANT pg_monitor TO rowhouse_monitor;
GRANT CONNECT ON DATABASE rowhouse TO rowhouse_monitor;
ALTER ROLE rowhouse_monitor PASSWORD :'password';
SQL
"""


class ActionModule(ClusterAction):
    ARGUMENTS = TARGET | required(namespace="str", secret="str", key="str")  # noqa: S106 - types

    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        cluster = self.connect(arguments, variables)
        namespace = arguments["namespace"]
        secret = cluster.get("v1", "Secret", arguments["secret"], namespace)
        if secret is None or arguments["key"] not in secret["data"]:
            raise RefusalError(f"Secret {arguments['secret']} in {namespace} has no key {arguments['key']}")
        password = base64.b64decode(secret["data"][arguments["key"]]).decode()
        said = cluster.feed_in_pod(POD, "postgres", ["sh", "-c", SCRIPT], f"{password}\n", namespace)
        *_, outcome = said.split() or [""]
        if outcome not in {"changed", "unchanged"}:
            raise RefusalError(f"The role rowhouse_monitor could not be made in {POD} of {namespace}: {said.strip()}")
        return {"changed": outcome == "changed"}
