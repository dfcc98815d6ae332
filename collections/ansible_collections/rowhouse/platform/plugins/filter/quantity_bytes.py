"""Filter `quantity_bytes`: how many bytes a quantity of Kubernetes is."""

from collections.abc import Callable

from ansible.errors import AnsibleFilterError
from kubernetes.utils.quantity import parse_quantity


def quantity_bytes(quantity: str | float) -> int:
    """Return 2Gi as 2147483648.

    Raises:
        AnsibleFilterError: It is no quantity.
    """
    try:
        return int(parse_quantity(quantity))
    except ValueError as error:
        raise AnsibleFilterError(f"{quantity} is no quantity of Kubernetes: write it as 500M or 2Gi.") from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"quantity_bytes": quantity_bytes}
