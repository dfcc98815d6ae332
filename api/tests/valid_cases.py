"""Hooks for Schemathesis: what makes a request valid that the schema of no single parameter can say."""

import secrets
from typing import Any

import schemathesis
from schemathesis import Case, GenerationMode, HookContext

# Of the writable datasets in the test.
_KEYS = ("id", "word")


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:  # noqa: ARG001 - as it is called
    """Put right what is meant to be accepted; what is meant to be refused stays as it is."""
    if not case.meta or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    if case.query:
        case.query = _valid(dict(case.query), is_aggregate="/aggregate" in case.path)
    if case.headers and case.method not in ("GET", "HEAD"):
        # What the state is, and which keys were used, only the server knows.
        for name in ("If-Match", "If-None-Match", "If-Unmodified-Since"):
            case.headers.pop(name, None)
        if "Idempotency-Key" in case.headers:
            case.headers["Idempotency-Key"] = secrets.token_hex(16)
    if case.method in ("PUT", "PATCH") and isinstance(case.body, dict):
        # What it is has the path to say; no schema of a body can know that.
        case.body = {name: value for name, value in case.body.items() if name not in _KEYS}


def _valid(query: dict[str, Any], *, is_aggregate: bool) -> dict[str, Any]:
    # Which texts are a cursor depends on the data and on the order: only links.next knows.
    query.pop("cursor", None)
    # Each value may be as long as it likes, and each list, but not all of them together.
    query = {name: value[:10] if isinstance(value, list) else value for name, value in query.items()}
    # In one direction only, and only by what the answer has.
    orders = {order.removeprefix("-"): order for order in _items(query.pop("sort", []))}
    if is_aggregate:
        answered = {*_items(query.get("group_by", [])), *_items(query.get("select", "count"))}
        orders = {name: order for name, order in orders.items() if name in answered}
    return query | ({"sort": ",".join(orders.values())} if orders else {})


def _items(value: str | list[str]) -> list[str]:
    """Return the names of a list, which some phases have put together already."""
    return value.split(",") if isinstance(value, str) else value
