"""Where rows of a CSV file end."""

from hypothesis import given
from hypothesis import strategies as st
from rowhouse.csvfile import split_block

texts = st.binary(max_size=30).map(lambda text: bytes(b'a",\r\n\n"'[byte % 7] for byte in text))


@given(texts, st.integers(1, 9))
def test_rows_end_behind_an_even_number_of_quotes_wherever_the_blocks_do(text: bytes, size: int) -> None:
    expected, row = [], b""
    for i in range(len(text)):
        if text[i : i + 1] == b"\n" and row.count(b'"') % 2 == 0:
            expected.append(row)
            row = b""
        else:
            row += text[i : i + 1]
    rows, rest = [], b""
    for start in range(0, len(text), size):
        found, rest = split_block(rest + text[start : start + size])
        rows += found
    assert (rows, rest) == (expected, row)
