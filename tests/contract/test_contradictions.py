"""Each contradiction of the table is found in input that has it, alone; test_variants.py shows that it stops a run."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from rowhouse.settings import Settings

from tests.contract import role_readme

type Sentences = Callable[[dict[str, Any]], list[str]]

ROLES = role_readme.ROLES[0].parent
EXTERNAL_POSTGRES = {
    "postgres_mode": "external",
    "postgres_host": "192.0.2.1",
    "postgres_loader_password": "x",
    "postgres_api_password": "x",
}
EXTERNAL_REDIS = {"redis_mode": "external", "redis_host": "192.0.2.2", "redis_password": "x"}
OBJECT_STORE = {
    "api_object_store_endpoint": "http://192.0.2.3:9000",
    "api_object_store_bucket": "air",
    "api_object_store_access_key": "x",
    "api_object_store_secret_key": "x",
}


BACKUPS = {
    "backup_store": "s3",
    "backup_s3_endpoint": "http://192.0.2.4:9000",
    "backup_s3_bucket": "backups",
    "backup_s3_access_key": "x",
    "backup_s3_secret_key": "x",
}


LOKI = {"logging_target": "loki", "logging_target_url": "http://192.0.2.5:3100"}


CONSISTENT: list[dict[str, Any]] = [
    {},
    EXTERNAL_POSTGRES,
    EXTERNAL_POSTGRES | {"postgres_sslmode": "verify-full", "postgres_ca_certificate": "PEM"},
    EXTERNAL_REDIS,
    {"redis_mode": "none"},
    OBJECT_STORE,
    {
        "api_object_store_endpoint": "https://s3.example.com",
        "api_object_store_peers": [{}],
        "api_object_store_existing_secret": "theirs",
    },
    {"postgres_existing_secret": "theirs", "redis_existing_secret": "theirs"},
    {"api_ingress_host": "a.example.com", "api_ingress_class": "nginx", "api_service_type": "ClusterIP"},
    BACKUPS,
    LOKI,
    BACKUPS | {"backup_enabled": True, "backup_pitr": True, "backup_s3_endpoint": "https://192.0.2.4:9000"},
    {"api_settings": {"workers": 3}, "stack_push_authfile": __file__},
]
CONTRADICTORY: list[tuple[dict[str, Any], str]] = [
    ({"api_replicas": 3, "api_replicas_max": 2}, "api_replicas_max is 2, less than api_replicas, 3"),
    ({"postgres_host": "db"}, "postgres_host: for an external server only"),
    ({"monitoring_enabled": True, "monitoring_kind": "operator"}, "monitoring_kind is operator, but nobody may ask"),
    ({"logging_target": "loki"}, "logging_target is loki: set logging_target_url"),
    ({"logging_target_index": "logs"}, "logging_target_index: for somebody else's store of logs"),
    (
        LOKI | {"logging_target_url": "http://192.0.2.5/loki"},
        "logging_target_url is http://192.0.2.5/loki: give scheme, host and port alone",
    ),
    (LOKI | {"logging_target_url": "http://loki.example.com"}, "The host in logging_target_url is a name"),
    (LOKI | {"logging_target_index": "Logs"}, "logging_target_index is Logs"),
    ({"logging_retention_days": 0}, "logging_retention_days is at least 1"),
    ({"logging_storage_size": "1G"}, "logging_max_megabytes is 1000, and a sixteenth more"),
    ({"monitoring_storage_size": "3G"}, "monitoring_retention_size is 3GB, more than monitoring_storage_size, 3G"),
    ({"postgres_port": 1, "postgres_database": "d"}, "postgres_port, postgres_database: for an external server"),
    (EXTERNAL_POSTGRES | {"postgres_storage_class": "fast"}, "postgres_storage_class and postgres_superuser_pass"),
    (
        EXTERNAL_POSTGRES | {"postgres_superuser_password": "x"},
        "postgres_storage_class and postgres_superuser_pass",
    ),
    (EXTERNAL_POSTGRES | {"postgres_host": ""}, "postgres_mode is external, but postgres_host is empty"),
    (EXTERNAL_POSTGRES | {"postgres_host": "db.example.com"}, "postgres_host is a name"),
    (EXTERNAL_POSTGRES | {"postgres_api_password": ""}, "postgres_mode is external, so its passwords are known"),
    (EXTERNAL_POSTGRES | {"postgres_sslmode": "verify-full"}, "postgres_sslmode verify-ca and verify-full need"),
    (EXTERNAL_POSTGRES | {"postgres_ca_certificate": "PEM"}, "postgres_sslmode verify-ca and verify-full need"),
    (EXTERNAL_POSTGRES | {"postgres_existing_secret": "theirs"}, "The passwords of postgres are in the Secret"),
    ({"redis_port": 1}, "redis_port: for an external cache only"),
    ({"redis_mode": "none", "redis_host": "cache"}, "redis_host: for an external cache only"),
    (EXTERNAL_REDIS | {"redis_host": ""}, "redis_mode is external, but redis_host is empty"),
    (EXTERNAL_REDIS | {"redis_host": "cache.example.com"}, "redis_host is a name"),
    (EXTERNAL_REDIS | {"redis_password": ""}, "redis_mode is external, so its password is known already"),
    ({"redis_mode": "none", "redis_password": "x"}, "redis_mode is none, so nobody needs"),
    (EXTERNAL_REDIS | {"redis_existing_secret": "theirs"}, "The password of redis is in the Secret"),
    ({"api_object_store_bucket": "air"}, "api_object_store_bucket: for an object store only"),
    ({"api_object_store_secret_key": "x"}, "api_object_store_secret_key: for an object store only"),
    (OBJECT_STORE | {"api_object_store_endpoint": "https://s3.example.com"}, "The host in api_object_store_endpoint"),
    (OBJECT_STORE | {"api_object_store_secret_key": ""}, "api_object_store_endpoint is set, so its keys are known"),
    (OBJECT_STORE | {"api_object_store_existing_secret": "theirs"}, "The keys of the object store are in the Secret"),
    ({"backup_s3_bucket": "b"}, "backup_s3_bucket: for a store of S3 only"),
    (BACKUPS | {"backup_s3_bucket": ""}, "backup_store is s3: set both"),
    (BACKUPS | {"backup_s3_endpoint": "https://s3.example.com"}, "The host in backup_s3_endpoint is a name"),
    (BACKUPS | {"backup_s3_secret_key": ""}, "backup_store is s3, so its keys are known"),
    ({"backup_pitr": True}, "backup_pitr is true, but backup_enabled is not"),
    (EXTERNAL_POSTGRES | {"backup_enabled": True, "backup_pitr": True}, "backup_pitr is for our own database"),
    (BACKUPS | {"backup_enabled": True, "backup_pitr": True}, "backup_pitr needs a store that is reached by https"),
    ({"backup_keep_aside": 0}, "backup_keep_aside is 0, but what a restore puts aside is kept"),
    (BACKUPS | {"backup_s3_existing_secret": "theirs"}, "The keys of the backups' store are in the Secret"),
    ({"api_service_type": "ClusterIP", "api_node_port": 30800}, "api_service_type is ClusterIP"),
    ({"api_ingress_tls_secret": "tls"}, "api_ingress_host is empty"),
    ({"api_settings": {"redis_password": "x", "workers": 3}}, "api_settings may not set redis_password: "),
    ({"redis_password": "ENC[AES256_GCM,data:x]"}, "redis_password: still encrypted by sops"),
    ({"stack_push_authfile": "/nowhere"}, "stack_push_authfile is /nowhere, which is no file"),
]


def load() -> dict[str, Any]:
    path = ROLES / "stack/vars/main/contradictions.yml"
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="module")
def sentences() -> Sentences:
    """Return what is said about the variables of a case; all are asked about at once, as that takes a second."""
    cases = [*CONSISTENT, *(chosen for chosen, _ in CONTRADICTORY)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.contract.contradictions"],
        cwd=role_readme.ROOT,
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
    )
    answers: list[list[str]] = json.loads(done.stdout)
    return lambda chosen: answers[cases.index(chosen)]


@pytest.mark.parametrize("chosen", CONSISTENT)
def test_what_fits_together_is_taken(sentences: Sentences, chosen: dict[str, Any]) -> None:
    assert sentences(chosen) == []


@pytest.mark.parametrize(("chosen", "beginning"), CONTRADICTORY)
def test_a_contradiction_is_found_alone(sentences: Sentences, chosen: dict[str, Any], beginning: str) -> None:
    (sentence,) = sentences(chosen)
    assert sentence.startswith(beginning)


def test_every_contradiction_has_its_case(sentences: Sentences) -> None:
    found = {sentence for chosen, _ in CONTRADICTORY for sentence in sentences(chosen)}
    for row in load()["__stack_contradictions"]:
        constant = max(re.split(r"\{\{.*?\}\}", row["text"]), key=len)
        assert any(constant in sentence for sentence in found), row["text"]


def test_wired_settings_are_settings() -> None:
    assert set(load()["__stack_wired_settings"]) <= set(Settings.__dataclass_fields__)
