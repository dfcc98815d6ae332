"""Choices about logs, as arguments of variants.Choice: variables, and what is to be found where."""

from typing import Any

PEM = "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n"
COLLECTOR_POD = "DaemonSet/log-collector spec template spec"

THEIRS: tuple[dict[str, Any], dict[str, Any]] = (
    {
        "logging_enabled": True,
        "logging_target": "opensearch",
        "logging_target_url": "https://192.0.2.22:9200",
        "logging_target_secret": "logs-login",
        "logging_target_ca_certificate": PEM,
    },
    {
        "Deployment/log-store": None,
        "PersistentVolumeClaim/log-store": None,
        "ConfigMap/log-collector data ca.crt": PEM,
        "DaemonSet/log-collector metadata namespace": "rowhouse-prod-logs",
        "DaemonSet/log-collector metadata annotations rowhouse/logs": "index rowhouse-prod at https://192.0.2.22:9200",
        f"{COLLECTOR_POD} containers 0 env 1 valueFrom secretKeyRef": {
            "name": "log-target",
            "key": "password",
        },
        "NetworkPolicy/log-collector spec egress 0": {
            "to": [{"ipBlock": {"cidr": "192.0.2.22/32"}}],
            "ports": [{"protocol": "TCP", "port": 9200}],
        },
    },
)
OURS: tuple[dict[str, Any], dict[str, Any]] = (
    {"logging_enabled": True, "logging_retention_days": 2, "logging_max_megabytes": 160},
    {
        "Deployment/log-store spec template spec containers 0 command": [
            "rowhouse-log-store",
            "/var/lib/logs",
            "2",
        ],
        "ConfigMap/log-store data": {
            "journal-remote.conf": "[Remote]\nMaxUse=160000000\nMaxFileSize=10000000\nMaxFiles=10000\nKeepFree=1\n"
        },
        "Namespace/rowhouse-dev-logs metadata labels pod-security.kubernetes.io/enforce": "privileged",
        f"{COLLECTOR_POD} tolerations": [{"key": "dedicated", "value": "data", "effect": "NoSchedule"}],
    },
)
