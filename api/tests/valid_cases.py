"""Hooks for Schemathesis: what makes a request valid that the schema of no single parameter can say."""

from typing import Any

import schemathesis
from schemathesis import Case, GenerationMode, HookContext


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:  # noqa: ARG001 - as it is called
    """Put right what is meant to be accepted; what is meant to be refused stays as it is."""
    if case.query and case.meta and case.meta.generation.mode is GenerationMode.POSITIVE:
        case.query = _valid(dict(case.query), is_aggregate="/aggregate" in case.path)


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
