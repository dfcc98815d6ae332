"""What PostgreSQL writes, on its way out."""

from hypothesis import given
from hypothesis import strategies as st
from rowhouse.extraction import PIECE_BYTES, Pieces, Records, join_csv

records = st.lists(st.sampled_from([b"1,a\n", b'2,"two\nlines"\n', b'"\r\n",\n', b"\n"]), max_size=6)


@given(records)
def test_only_what_ends_a_record_becomes_carriage_return_and_line_feed(records: list[bytes]) -> None:
    assert join_csv(records) == b"".join(record[:-1] + b"\r\n" for record in records)


def test_the_first_record_is_passed_on_at_once_and_the_others_in_pieces() -> None:
    passed: list[bytes] = []
    pieces = Pieces(passed.append, None)
    pieces.hold(b"header\r\n")
    written = Records(pieces, join_csv)
    assert passed == []
    written.write(b"first\n")
    assert passed == [b"header\r\nfirst\r\n"]
    record = b"x" * 1000 + b"\n"
    count = 3 * PIECE_BYTES // 1000
    for _ in range(count):
        written.write(record)
    assert all(PIECE_BYTES <= len(piece) < PIECE_BYTES + 2 * len(record) for piece in passed[1:])
    written.finish()
    pieces.finish()
    assert b"".join(passed) == b"header\r\nfirst\r\n" + (b"x" * 1000 + b"\r\n") * count


def test_nothing_but_a_header_is_passed_on_too() -> None:
    passed: list[bytes] = []
    pieces = Pieces(passed.append, None)
    pieces.hold(b"header\r\n")
    Records(pieces, join_csv).finish()
    pieces.finish()
    assert passed == [b"header\r\n"]
