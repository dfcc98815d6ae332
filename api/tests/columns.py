"""A dataset with a column of each type, without a file."""

from rowhouse.dataset import Column, ColumnType, Dataset


def dataset(key_type: ColumnType = ColumnType.INTEGER) -> Dataset:
    """Return it: each column is called as its type, and all but the JSON and `hidden` are declared as filters."""
    key = Column(name="id", type=key_type, required=True)
    filters = tuple(Column(name=kind.value, type=kind) for kind in ColumnType if kind is not ColumnType.JSON)
    others = (Column(name="json", type=ColumnType.JSON), Column(name="hidden", type=ColumnType.TEXT))
    return Dataset(
        name="t",
        title="T",
        description="",
        source="",
        file="t.csv",
        key=key,
        columns=(key, *filters, *others),
        filters=filters,
    )
