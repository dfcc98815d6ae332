"""Texts turned round: by what a reader sees, in any script."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rowhouse.mirror import mirror

ACUTE = "\N{COMBINING ACUTE ACCENT}"
SIGMA, FINAL_SIGMA = "\N{GREEK SMALL LETTER SIGMA}", "\N{GREEK SMALL LETTER FINAL SIGMA}"
JOINER = "\N{ZERO WIDTH JOINER}"
FAMILY = JOINER.join("👩👩👧👦")
# Each is one character to its reader, and none becomes a part of another one beside it.
CHARACTERS = [
    "A",
    "z",
    "7",
    " ",
    "é",
    f"e{ACUTE}",
    f"N{ACUTE}\N{COMBINING CEDILLA}",
    "🇩🇪",
    "👍🏽",
    FAMILY,
    "각",
    "نّ",
    "नि",
    "\r\n",
]


@pytest.mark.parametrize(
    ("word", "transformed"),
    [
        ("abcABC123987", "789321cbaCBA"),
        ("", ""),
        ("a", "A"),
        ("Straße", "ESSARTs"),
        ("ΣΔ", f"δ{FINAL_SIGMA}"),
        ("ΔΣ", f"{SIGMA}δ"),
        ("İ", "i\N{COMBINING DOT ABOVE}"),
        (f"e{ACUTE}a", f"AE{ACUTE}"),
        ("é", "É"),
        ("🇩🇪🇫🇷", "🇫🇷🇩🇪"),
        (f"a{FAMILY}👍🏽", f"👍🏽{FAMILY}A"),
        # The second is of single letters.
        ("각\u1100\u1161\u11a8", "\u1100\u1161\u11a8각"),
        ("नमस्ते", "स्तेमन"),
        ("a\0b\r\n", "\r\nB\0A"),
        ("שלום", "םולש"),
    ],
)
def test_a_word(word: str, transformed: str) -> None:
    assert mirror(word) == transformed


@given(st.lists(st.sampled_from(CHARACTERS)))
def test_characters_stay_whole(characters: list[str]) -> None:
    assert mirror("".join(characters)) == "".join(reversed(characters)).swapcase()


@given(st.text())
def test_nothing_is_lost(word: str) -> None:
    # Which of the two sigmas stands there depends on the place.
    assert sorted(mirror(word).replace(FINAL_SIGMA, SIGMA)) == sorted(word.swapcase().replace(FINAL_SIGMA, SIGMA))


@given(st.text(st.characters(max_codepoint=127, exclude_characters="\r\n")))
def test_a_mirror_in_a_mirror(word: str) -> None:
    assert mirror(mirror(word)) == word
