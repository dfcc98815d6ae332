"""Apache Parquet, written row group by row group. Its library is large, and so it is imported when first needed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rowhouse.dataset import Column, ColumnType
from rowhouse.errors import OutOfRangeError
from rowhouse.formats import Format, Output, Row, Selection

if TYPE_CHECKING:
    from arro3.core import Array, RecordBatch, Schema

# A row group is kept, encoded and compressed, until it is full.
_ROW_GROUP_ROWS = 20_000
_COMPRESSION = "zstd(3)"

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class ParquetFormat(Format):
    """Columns of the types int64, double, string, date32, timestamp (microseconds, UTC), boolean; json is a string."""

    def write(self, selection: Selection, batches: Iterable[Sequence[Row]], output: Output) -> None:
        """Write a file that can be read while nothing of it but its end is known."""
        from arro3.core import DataType, Field, RecordBatchReader
        from arro3.core import Schema as ArrowSchema
        from arro3.io import write_parquet

        types = {
            ColumnType.INTEGER: DataType.int64(),
            ColumnType.NUMBER: DataType.float64(),
            ColumnType.DATE: DataType.date32(),
            ColumnType.TIMESTAMP: DataType.timestamp("us", tz="UTC"),
            ColumnType.BOOLEAN: DataType.bool(),
        }
        schema = ArrowSchema(
            [
                Field(column.name, types.get(column.type, DataType.string()), nullable=not column.required)
                for column in selection.columns
            ]
        )
        stream = _Stream(selection, batches, output)
        try:
            write_parquet(
                RecordBatchReader.from_batches(schema, stream.batches(schema)),
                stream,  # type: ignore[arg-type] # declared as a whole file, of which these methods are used
                compression=_COMPRESSION,
                max_row_group_size=_ROW_GROUP_ROWS,
            )
        except Exception as error:
            # The library hands on the text of what went wrong on either side, and not the error itself.
            raise stream.error or error from None


class _Stream:
    """Stands between the rows, the library and the output, as the file that the library writes to.

    Attributes:
        error: What the rows' side or the output raised.
    """

    def __init__(self, selection: Selection, batches: Iterable[Sequence[Row]], output: Output) -> None:
        self._selection = selection
        self._batches = batches
        self._output = output
        self._written = 0
        self.error: Exception | None = None

    def batches(self, schema: "Schema") -> Iterator["RecordBatch"]:
        from arro3.core import RecordBatch

        try:
            for rows in self._batches:
                if rows:
                    # A row may have more cells than there are columns.
                    cells = list(zip(*rows, strict=True))
                    columns = zip(self._selection.columns, cells, strict=False)
                    arrays = [_array(column, values) for column, values in columns]
                    yield RecordBatch.from_arrays(arrays, schema=schema)
        except Exception as error:
            self.error = error
            raise

    def write(self, data: bytes) -> int:
        try:
            self._written += len(data)
            return self._output.write(data)
        except Exception as error:
            self.error = error
            raise

    def flush(self) -> None:
        """Do nothing: the output decides when it passes something on."""

    def tell(self) -> int:
        return self._written

    def seek(self, _offset: int, _whence: int = 0) -> int:
        """Be there, as the library looks for it; it never goes back."""
        raise OSError("a stream cannot go back")


def _array(column: Column, values: Sequence[Any]) -> "Array":
    from arro3.core import Array, DataType

    match column.type:
        case ColumnType.INTEGER:
            # A sum may have more than 64 bits.
            if any(value is not None and not -(2**63) <= value < 2**63 for value in values):
                raise OutOfRangeError(f"{column.name} has more than 64 bits, as many as an integer of Parquet has")
            return Array(_each(int, values), DataType.int64())
        case ColumnType.NUMBER:
            return Array(_each(float, values), DataType.float64())
        case ColumnType.DATE:
            return Array(_each(_days, values), DataType.int32()).cast(DataType.date32())
        case ColumnType.TIMESTAMP:
            return Array(_each(_microseconds, values), DataType.int64()).cast(DataType.timestamp("us", tz="UTC"))
        case ColumnType.BOOLEAN:
            return Array(list(values), DataType.bool())
        case _:
            return Array(list(values), DataType.string())


def _each[T](convert: Callable[[Any], T], values: Sequence[Any]) -> list[T | None]:
    return [None if value is None else convert(value) for value in values]


def _days(value: date) -> int:
    return value.toordinal() - _EPOCH_DAY


def _microseconds(value: datetime) -> int:
    return (value - _EPOCH) // _MICROSECOND


PARQUET = ParquetFormat("parquet", "application/vnd.apache.parquet", is_compressed=True)
