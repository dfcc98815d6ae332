"""Settings: one field is one setting, its name, type, default and help. The only reader of the environment."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Self, get_type_hints
from urllib.parse import urlsplit

from rowhouse.errors import SettingsError
from rowhouse.suggest import did_you_mean

PREFIX = "ROWHOUSE_"


def setting(
    text: str,
    default: object = MISSING,
    *,
    minimum: int = 0,
    maximum: int = 2**31 - 1,
    choices: tuple[str, ...] = (),
    pattern: str = "",
    secret: bool = False,
) -> Any:
    """Declare a setting; typed Any, as a dataclass field stands where the field's own type is declared.

    Args:
        text: What it does, its unit, and when to change it.
        default: Without one the setting is required.
        minimum: Least value of a number.
        maximum: Greatest value of a number.
        choices: The values allowed for a text; empty: any.
        pattern: Regular expression for the whole of a text; empty: any.
        secret: Kept out of repr.
    """
    metadata = {"help": text, "minimum": minimum, "maximum": maximum, "choices": choices, "pattern": pattern}
    if default is MISSING:
        return field(repr=not secret, metadata=metadata)
    return field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of the program; each is read from ROWHOUSE_ and its name in upper case."""

    database_host: str = setting("Host of PostgreSQL, or the folder of its Unix socket.")
    database_port: int = setting("Port of PostgreSQL.", 5432, minimum=1, maximum=65535)
    database_name: str = setting("Database that holds the schema.", "rowhouse")
    database_user: str = setting("Role: one that may only read to serve, the owner of the schema to load.")
    database_password: str = setting("Password of the role.", "", secret=True)
    database_sslmode: str = setting(
        "How PostgreSQL is connected to, in libpq's words. Only the verify-* ones know whom they talk to.",
        "prefer",
        choices=("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    )
    database_sslrootcert: str = setting("File with the certificate that signed PostgreSQL's, for verify-*.", "")
    database_schema: str = setting("Schema that holds the tables of all versions.", "rowhouse")
    database_api_user: str = setting(
        "Role that the API serves by: a load lets it write the rows of writable datasets, and nothing else.",
        "rowhouse_api",
    )
    database_pool_size: int = setting(
        "Connections that each worker holds; one of them watches for new versions, the others answer.", 5, minimum=2
    )
    database_wait_seconds: int = setting("How long a load waits for PostgreSQL to answer before it fails.", 300)
    statement_timeout_ms: int = setting(
        "Milliseconds after which PostgreSQL gives up on a request's statement.", 5000, minimum=1
    )
    exports_at_once: int = setting(
        "Whole tables that each worker sends at a time, each on a connection beyond the pool.", 2, minimum=1
    )
    export_patience_seconds: int = setting(
        "Seconds after which an export ends whose client has taken nothing.", 60, minimum=1
    )
    redis_host: str = setting("Host of the response cache that all replicas share. Empty: none.", "")
    redis_port: int = setting("Port of the shared response cache.", 6379, minimum=1, maximum=65535)
    redis_password: str = setting("Password of the shared response cache.", "", secret=True)
    cache_local_bytes: int = setting(
        "Bytes of responses that each worker keeps in its own memory, in front of the shared cache. 0: none.",
        32 * 2**20,
    )
    cache_ttl_seconds: int = setting(
        "Seconds that a response may stay in the cache. Staleness does not depend on it: a new version has new keys.",
        3600,
        minimum=1,
    )
    object_store_endpoint: str = setting(
        "URL of the S3-compatible object store that POST /api/upload-random writes to, such as"
        " https://s3.example.org. Empty: none.",
        "",
        pattern=r"(https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?)?",
    )
    object_store_bucket: str = setting(
        "Bucket of the object store: 3 to 63 lower-case letters, digits, dots and hyphens.",
        "",
        pattern=r"([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?",
    )
    object_store_region: str = setting(
        "Region that requests to the object store are signed for: letters, digits and hyphens.",
        "us-east-1",
        pattern="[A-Za-z0-9-]+",
    )
    object_store_prefix: str = setting(
        "What the key of every object begins with: a path of letters, digits and ._=- that ends in a slash.",
        "diagnostics/",
        pattern=r"([A-Za-z0-9_=-][A-Za-z0-9._=-]*/)+",
    )
    object_store_ca_certificate: str = setting(
        "Certificate, as PEM, of the authority that signed the object store's. Empty: one that Debian knows did.", ""
    )
    object_store_access_key: str = setting(
        "Access key of the object store, with no blank or end of line in it. Empty: requests are not signed.",
        "",
        pattern="[!-~]*",
        secret=True,
    )
    object_store_secret_key: str = setting("Secret key that belongs to the access key.", "", secret=True)
    datasets_dir: Path = setting("Folder with NAME/dataset.yml of each dataset.", Path("/etc/rowhouse/datasets"))  # noqa: RUF009
    data_dir: Path = setting("Folder with NAME/ and in it the data file to load.", Path("/usr/share/rowhouse/datasets"))  # noqa: RUF009
    host: str = setting("Address that the server binds.", "0.0.0.0")  # noqa: S104 - inside a pod, behind its policies
    port: int = setting("Port of the API.", 8000, minimum=1, maximum=65535)
    admin_port: int = setting("Port of /livez, /readyz and /metrics, not for clients.", 8001, minimum=1, maximum=65535)
    workers: int = setting("Processes that answer requests; about one for each CPU.", 2, minimum=1)
    http_max_age_seconds: int = setting(
        "Seconds for which clients and proxies may use an answer again without asking. 0: they ask each time, and are"
        " told at once, without the answer, that it is still good.",
        0,
    )
    cors_origins: str = setting(
        "Origins whose pages may read answers, such as https://maps.example.org, with spaces between. *: all."
        " Empty: none.",
        "",
        pattern=r"\*|(https?://[^\s/*]+( https?://[^\s/*]+)*)?",
    )
    rate_limit_per_minute: int = setting(
        "Requests a minute that each address may make without an API key; IPv6 by /64. 0: as many as it likes, which is"
        " the default as behind a proxy or a node's port all clients may have one address: see trusted_proxies.",
        0,
        maximum=600_000,
    )
    rate_limit_key_per_minute: int = setting(
        "Requests a minute that each API key may make, from wherever. 0: as many as it likes.", 0, maximum=600_000
    )
    rate_limit_burst: int = setting(
        "Requests that may come at once after a pause, before the pace of both limits counts.",
        100,
        minimum=1,
        maximum=100_000,
    )
    trusted_proxies: int = setting(
        "Proxies between clients and the API, whose entries in X-Forwarded-For tell the client's address. 0: none, the"
        " address is that of whoever connects.",
        0,
        maximum=10,
    )
    log_level: str = setting(
        "Least level that is logged. debug logs paths and query strings too.",
        "info",
        choices=("debug", "info", "warning", "error", "critical"),
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings from environment variables.

        Raises:
            SettingsError: With every unknown, missing or ill-typed variable.
        """
        known = {PREFIX + item.name.upper(): item for item in fields(cls)}
        types = get_type_hints(cls)
        problems = []
        for name in sorted(environ):
            if name.startswith(PREFIX) and name not in known:
                near = did_you_mean(name.removeprefix(PREFIX), [item.name.upper() for item in fields(cls)], PREFIX)
                problems.append(f"{name}: no such setting.{near}")
        values: dict[str, object] = {}
        for name, item in known.items():
            if name in environ:
                try:
                    values[item.name] = _parse(environ[name], types[item.name], item)
                except ValueError as error:
                    problems.append(f"{name}: {error}")
            elif item.default is MISSING:
                problems.append(f"{name}: not set. {item.metadata['help']}")
        if problems:
            raise SettingsError(problems)
        settings = cls(**values)  # type: ignore[arg-type] # each value was parsed to its field's declared type
        if contradictions := list(settings._contradictions()):
            raise SettingsError(contradictions)
        return settings

    def _contradictions(self) -> Iterator[str]:
        if self.port == self.admin_port:
            yield f"{PREFIX}ADMIN_PORT: must differ from {PREFIX}PORT."
        try:
            # Raises for an address or a port that cannot be one.
            _ = urlsplit(self.object_store_endpoint).port
        except ValueError as error:
            yield f"{PREFIX}OBJECT_STORE_ENDPOINT: {error}."
        for pair in (
            ("object_store_endpoint", "object_store_bucket"),
            ("object_store_access_key", "object_store_secret_key"),
        ):
            missing = [PREFIX + name.upper() for name in pair if not getattr(self, name)]
            if len(missing) == 1:
                (other,) = {PREFIX + name.upper() for name in pair} - set(missing)
                yield f"{missing[0]}: must be set, as {other} is."


def _parse(text: str, kind: type, item: Field[Any]) -> object:
    """Turn the text of a variable into its field's type; ValueError says what would be right."""
    if kind is int:
        minimum, maximum = item.metadata["minimum"], item.metadata["maximum"]
        if not text.isascii() or not text.isdigit() or not minimum <= int(text) <= maximum:
            raise ValueError(f"must be a whole number from {minimum} to {maximum}, not {text!r}.")
        return int(text)
    if text == "" and item.default != "":
        raise ValueError("must not be empty.")
    choices = item.metadata["choices"]
    if choices and text not in choices:
        raise ValueError(f"must be one of {', '.join(choices)}, not {text!r}.{did_you_mean(text, choices)}")
    if item.metadata["pattern"] and not re.fullmatch(item.metadata["pattern"], text):
        given = repr(text) if item.repr else "what it is"
        raise ValueError(f"cannot be {given}. {item.metadata['help']}")
    return kind(text)
