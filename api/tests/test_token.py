"""Tokens: what they look like, and what is told of them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rowhouse.access.token import DIGEST, ID, Token, mask

MADE = Token.make()


def test_a_token_is_recognised_and_says_its_id() -> None:
    assert re.fullmatch("rh_[0-9A-Za-z]{38}", MADE.text)
    assert Token.parse(MADE.text) == MADE
    assert ID.fullmatch(MADE.id)
    assert MADE.text.startswith(f"rh_{MADE.id}")
    assert DIGEST.fullmatch(MADE.digest)


def test_no_two_are_alike() -> None:
    made = [Token.make() for _ in range(1000)]
    assert len({token.id for token in made}) == len({token.digest for token in made}) == 1000


@given(st.integers(0, len(MADE.text) - 1), st.characters())
def test_one_wrong_character_is_told_without_asking(place: int, character: str) -> None:
    typed = MADE.text[:place] + character + MADE.text[place + 1 :]
    assert (Token.parse(typed) is None) == (typed != MADE.text)


@given(st.integers(0, len(MADE.text) - 2))
def test_swapped_characters_are_told(place: int) -> None:
    first, second = MADE.text[place], MADE.text[place + 1]
    typed = MADE.text[:place] + second + first + MADE.text[place + 2 :]
    assert (Token.parse(typed) is None) == (first != second)


@pytest.mark.parametrize(
    "text",
    ["", "rh_", MADE.text[:-1], MADE.text + "0", f" {MADE.text}", f"{MADE.text}\n", MADE.text[3:]],
    # It is another one in each process.
    ids=["empty", "beginning", "short", "long", "space", "newline", "end"],
)
def test_what_is_no_token(text: str) -> None:
    assert Token.parse(text) is None


def test_a_token_does_not_show_itself() -> None:
    assert MADE.text not in repr(MADE)


@given(st.text(), st.text(), st.integers(24, len(MADE.text)))
def test_no_text_keeps_a_token_or_most_of_one(before: str, after: str, length: int) -> None:
    masked = mask(before + MADE.text[:length] + after)
    assert MADE.text[11:24] not in masked
    assert masked.startswith(f"{before}rh_{MADE.id}…")


@given(st.text())
def test_other_texts_stay(text: str) -> None:
    assert mask(text) == text
    assert mask(f"{text} rh_short") == f"{text} rh_short"
