"""What a user may choose beside the defaults, and what changes by it.

Choices that do not touch each other are rendered together, as a rendering takes seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.contract import logging_choices
from tests.contract.network import Endpoint, Port

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
API_POD = "Deployment/api spec template spec"
DATABASE_POD = "StatefulSet/postgres spec template spec"
BACKUP_POD = "CronJob/backup spec jobTemplate spec template spec"
MONITORING = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
TOLERATION = {"key": "dedicated", "value": "data", "effect": "NoSchedule"}


@dataclass(frozen=True)
class Choice:
    """Variables that are set together, and what is to be found where; None stands for absence.

    A place is the object's kind and name, then keys and numbers of items, with blanks between them. Settings/api and
    Secrets/api are the API's environment: what has a value, and what comes from a Secret.
    """

    variables: Mapping[str, Any]
    outcome: Mapping[str, Any]


@dataclass(frozen=True)
class Variant:
    """Choices that are rendered together for an environment, and what is outside of the cluster then."""

    environment: str
    choices: tuple[Choice, ...]
    external: tuple[Endpoint, ...] = field(default=())

    @property
    def variables(self) -> dict[str, Any]:
        """Those of all choices."""
        return {name: value for choice in self.choices for name, value in choice.variables.items()}


VARIANTS = {
    "parts of others": Variant(
        "prod",
        (
            Choice(
                {
                    "postgres_mode": "external",
                    "postgres_host": "db.example.com",
                    "postgres_port": 6432,
                    "postgres_database": "tables",
                    "postgres_peers": [{"ipBlock": {"cidr": "198.51.100.0/24"}}],
                },
                {
                    "StatefulSet/postgres": None,
                    "Service/postgres": None,
                    "NetworkPolicy/postgres": None,
                    "Settings/api ROWHOUSE_DATABASE_HOST": "db.example.com",
                    "Settings/api ROWHOUSE_DATABASE_PORT": "6432",
                    "Settings/api ROWHOUSE_DATABASE_NAME": "tables",
                    "Job/load spec template spec containers 0 env 0": {
                        "name": "ROWHOUSE_DATABASE_HOST",
                        "value": "db.example.com",
                    },
                },
            ),
            Choice(
                {"postgres_sslmode": "verify-full", "postgres_ca_certificate": CERTIFICATE},
                {
                    "ConfigMap/postgres data": {"ca.crt": CERTIFICATE},
                    "Settings/api ROWHOUSE_DATABASE_SSLMODE": "verify-full",
                    "Settings/api ROWHOUSE_DATABASE_SSLROOTCERT": "/etc/rowhouse/database/ca.crt",
                    f"{API_POD} volumes 2": {"name": "database", "configMap": {"name": "postgres"}},
                    "Job/load spec template spec containers 0 volumeMounts 2 mountPath": "/etc/rowhouse/database",
                },
            ),
            Choice(
                {"postgres_existing_secret": "db-login"},
                {
                    "Secrets/api ROWHOUSE_DATABASE_PASSWORD": {"name": "db-login", "key": "api-password"},
                    "Job/load spec template spec containers 0 env 6 valueFrom secretKeyRef": {
                        "name": "db-login",
                        "key": "loader-password",
                    },
                },
            ),
            Choice(
                {"redis_mode": "external", "redis_host": "192.0.2.9", "redis_port": 6380, "redis_password": "x"},
                {
                    "Deployment/redis": None,
                    "Service/redis": None,
                    "Settings/api ROWHOUSE_REDIS_PORT": "6380",
                    "Secrets/api ROWHOUSE_REDIS_PASSWORD name": "redis-external",
                },
            ),
            Choice(
                {
                    "api_service_type": "ClusterIP",
                    "api_node_port": None,
                    "api_ingress_host": "air.example.com",
                    "api_ingress_class": "nginx",
                    "api_ingress_tls_secret": "air-tls",
                    "api_ingress_annotations": {"cert-manager.io/cluster-issuer": "letsencrypt"},
                },
                {
                    "Service/api spec type": "ClusterIP",
                    "Service/api spec ports 0 nodePort": None,
                    "Ingress/api metadata annotations": {"cert-manager.io/cluster-issuer": "letsencrypt"},
                    "Ingress/api spec ingressClassName": "nginx",
                    "Ingress/api spec tls": [{"hosts": ["air.example.com"], "secretName": "air-tls"}],
                    "Ingress/api spec rules 0 host": "air.example.com",
                },
            ),
            Choice(
                {
                    "api_object_store_endpoint": "http://192.0.2.20:9000",
                    "api_object_store_bucket": "air",
                    "api_object_store_access_key": "x",
                    "api_object_store_secret_key": "x",
                },
                {
                    "Settings/api ROWHOUSE_OBJECT_STORE_ENDPOINT": "http://192.0.2.20:9000",
                    "Settings/api ROWHOUSE_OBJECT_STORE_BUCKET": "air",
                    "Settings/api ROWHOUSE_OBJECT_STORE_SECRET_KEY": None,
                    "NetworkPolicy/api spec egress 2": {
                        "to": [{"ipBlock": {"cidr": "192.0.2.20/32"}}],
                        "ports": [{"protocol": "TCP", "port": 9000}],
                    },
                    "Secrets/api ROWHOUSE_OBJECT_STORE_ACCESS_KEY": {"name": "api-object-store", "key": "access-key"},
                    "Secrets/api ROWHOUSE_OBJECT_STORE_SECRET_KEY": {"name": "api-object-store", "key": "secret-key"},
                },
            ),
            Choice(
                {
                    "backup_enabled": True,
                    "backup_store": "s3",
                    "backup_s3_endpoint": "http://192.0.2.21:9000",
                    "backup_s3_bucket": "backups",
                    "backup_s3_existing_secret": "s3-login",
                    "backup_s3_ca_certificate": CERTIFICATE,
                },
                {
                    "PersistentVolumeClaim/backup": None,
                    "ConfigMap/backup data": {"ca.crt": CERTIFICATE},
                    "NetworkPolicy/backup spec egress 1": {
                        "to": [{"ipBlock": {"cidr": "192.0.2.21/32"}}],
                        "ports": [{"protocol": "TCP", "port": 9000}],
                    },
                    f"{BACKUP_POD} containers 0 env 6": {
                        "name": "RESTIC_REPOSITORY",
                        "value": "s3:http://192.0.2.21:9000/backups/rowhouse-prod",
                    },
                    f"{BACKUP_POD} containers 0 env 12 valueFrom secretKeyRef": {
                        "name": "s3-login",
                        "key": "access-key",
                    },
                },
            ),
            Choice(
                {
                    "api_monitoring_peers": [MONITORING],
                    "monitoring_enabled": True,
                    "monitoring_kind": "plain",
                    "monitoring_reader_peers": [MONITORING],
                    "monitoring_receiver_secret": "chat",
                    "monitoring_storage_class": "fast",
                },
                {
                    "NetworkPolicy/api spec ingress 1 from": [MONITORING],
                    "Deployment/prometheus spec template spec volumes 5 secret secretName": "chat",
                    "PersistentVolumeClaim/prometheus spec storageClassName": "fast",
                },
            ),
            Choice(*logging_choices.THEIRS),
        ),
        (
            Endpoint("postgres", "198.51.100.4", ports=(Port(6432), Port(5432))),
            Endpoint("redis", "192.0.2.9", ports=(Port(6380), Port(6379))),
            Endpoint("object-store", "192.0.2.20", ports=(Port(9000), Port(443))),
            Endpoint("backup-store", "192.0.2.21", ports=(Port(9000), Port(443))),
            Endpoint("log-target", "192.0.2.22", ports=(Port(9200), Port(443))),
        ),
    ),
    "ours, otherwise": Variant(
        "dev",
        (
            Choice(
                {"redis_mode": "none"},
                {
                    "Deployment/redis": None,
                    "Settings/api ROWHOUSE_REDIS_HOST": "",
                    "Secrets/api ROWHOUSE_REDIS_PASSWORD": None,
                },
            ),
            Choice(
                {"api_service_type": "LoadBalancer", "api_node_port": None},
                {
                    "Service/api spec type": "LoadBalancer",
                    "Service/api spec ports": [{"name": "http", "port": 80, "targetPort": "http"}],
                },
            ),
            Choice(
                {"postgres_existing_secret": "db-login"},
                {
                    "StatefulSet/postgres spec template spec volumes 1 secret secretName": "db-login",
                    "Secrets/api ROWHOUSE_DATABASE_PASSWORD name": "db-login",
                },
            ),
            Choice(
                {
                    "api_object_store_endpoint": "https://s3.example.com",
                    "api_object_store_bucket": "air",
                    "api_object_store_peers": [{"ipBlock": {"cidr": "198.51.100.0/24"}}],
                    "api_object_store_existing_secret": "s3-login",
                    "api_object_store_ca_certificate": CERTIFICATE,
                },
                {
                    "Settings/api ROWHOUSE_OBJECT_STORE_CA_CERTIFICATE": CERTIFICATE,
                    "NetworkPolicy/api spec egress 1 ports": [{"protocol": "TCP", "port": 443}],
                    "Secrets/api ROWHOUSE_OBJECT_STORE_ACCESS_KEY": {"name": "s3-login", "key": "access-key"},
                },
            ),
            Choice(
                {"api_settings": {"cors_origins": "https://$(HOSTNAME)"}},
                {"Settings/api ROWHOUSE_CORS_ORIGINS": "https://$$(HOSTNAME)"},
            ),
            Choice(
                {
                    "monitoring_enabled": True,
                    "monitoring_kind": "operator",
                    "monitoring_operator_labels": {"release": "stack"},
                    "api_monitoring_peers": [MONITORING],
                },
                {"Deployment/prometheus": None, "PodMonitor/rowhouse metadata labels release": "stack"},
            ),
            Choice(
                {"api_replicas_max": 6, "api_scale_cpu": "200m", "postgres_max_connections": 200},
                {
                    "Deployment/api spec replicas": None,
                    "HorizontalPodAutoscaler/api spec minReplicas": 1,
                    "HorizontalPodAutoscaler/api spec maxReplicas": 6,
                    "HorizontalPodAutoscaler/api spec metrics 0 containerResource target averageValue": "200m",
                },
            ),
            Choice(
                {"postgres_storage_class": "fast"},
                {"StatefulSet/postgres spec volumeClaimTemplates 0 spec storageClassName": "fast"},
            ),
            Choice(
                {
                    "backup_enabled": True,
                    "backup_schedule": "0 * * * *",
                    "backup_storage_class": "slow",
                    "backup_pitr": True,
                },
                {
                    "CronJob/backup spec schedule": "0 * * * *",
                    "PersistentVolumeClaim/backup spec storageClassName": "slow",
                    f"{BACKUP_POD} volumes 2": {
                        "name": "data",
                        "persistentVolumeClaim": {"claimName": "data-postgres-0"},
                    },
                    f"{BACKUP_POD} volumes 3": {"name": "backups", "persistentVolumeClaim": {"claimName": "backup"}},
                    f"{DATABASE_POD} volumes 4": {"name": "archive", "persistentVolumeClaim": {"claimName": "backup"}},
                    f"{DATABASE_POD} containers 0 volumeMounts 5 subPath": "pgbackrest",
                    f"{DATABASE_POD} containers 0 env 0": {"name": "PGBACKREST_STANZA", "value": "rowhouse"},
                    f"{BACKUP_POD} imagePullSecrets": [{"name": "registry-login"}],
                },
            ),
            Choice(*logging_choices.OURS),
            Choice(
                {"stack_pull_secret": "registry-login"},
                {
                    f"{pod} imagePullSecrets": [{"name": "registry-login"}]
                    for pod in (API_POD, "StatefulSet/postgres spec template spec", "Job/load spec template spec")
                },
            ),
            Choice(
                {"stack_node_selector": {"disk": "ssd"}, "stack_tolerations": [TOLERATION]},
                {
                    f"{API_POD} nodeSelector": {"disk": "ssd"},
                    "StatefulSet/postgres spec template spec tolerations": [TOLERATION],
                    "Job/load spec template spec nodeSelector": {"disk": "ssd"},
                },
            ),
        ),
        (Endpoint("object-store", "198.51.100.9", ports=(Port(443), Port(80))),),
    ),
}
