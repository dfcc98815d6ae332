"""What is wrong with a Secret that somebody else made. No sentence here holds anything of its content."""

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def secret_problems(
    secret: Mapping[str, Any] | None, namespace: str, keys: Sequence[str], formats: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    """Yield a sentence for whatever pods would miss in the Secret.

    Args:
        secret: As the cluster holds it; None when there is none.
        namespace: Where it was looked for.
        keys: That must be there and not empty.
        formats: Key of a further entry to {key: whose password, format: text with one %s}.
    """
    if secret is None:
        yield f"there is no such Secret in {namespace}. Make it first, and the namespace if need be: docs/secrets.md."
        return
    data = {key: b64decode(value).decode(errors="replace") for key, value in (secret.get("data") or {}).items()}
    for key in [*keys, *formats]:
        if not data.get(key):
            present = ", ".join(sorted(data)) or "nothing"
            yield f"the Secret in {namespace} has no {key} (it has {present}). Its keys are in docs/secrets.md."
    for key, entry in formats.items():
        password = data.get(entry["key"])
        if password and data.get(key) and data[key].strip() != entry["format"] % password:
            text = entry["format"] % entry["key"].upper()
            yield f"{key} in the Secret is not {text}, with what its key {entry['key']} holds."
