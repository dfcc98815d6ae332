"""Pages that have one best plan, whatever the values: PostgreSQL need plan them only once a connection.

They are ranges of one index, walked in its order: that of the key, or that of a column and the key. All others are
planned each time, as the best way to a rare value is not that to a frequent one.
"""

from dataclasses import dataclass

from rowhouse.query import Filter, Operator, Query

_BOUNDS = (Operator.GT, Operator.GTE, Operator.LT, Operator.LTE)


@dataclass(frozen=True)
class Steady:
    """A page that is a range of one index.

    Attributes:
        lead: What all its rows have in the first column of the index; None where that is what they are sorted by.
            Asked for by `=`, PostgreSQL would take such rows for frequent, and look for a rare one along the key.
    """

    lead: Filter | None = None


def steady(query: Query) -> Steady | None:
    """Return how a page is a range of one index; None when it is not."""
    key = query.dataset.key
    if query.grouping or query.dataset.writable or len({item.descending for item in query.order}) > 1:
        return None
    order = [item.column for item in query.order]
    others = [item for item in query.filters if item.column != key or item.operator not in _BOUNDS]
    match order, others:
        case [only], []:
            return Steady() if only == key else None
        case [_, last], []:
            return Steady() if last == key and not query.filters else None
        case [only], [lead] if only == key and lead.column != key and lead.operator is Operator.EQ:
            return Steady(lead)
        case _:
            return None
