"""Text as in a mirror."""


def mirror(text: str) -> str:
    """Return the text from its end to its beginning, with the cases of its letters swapped.

    What is turned round are the characters that a reader sees, Unicode's extended grapheme clusters (UAX #29): an
    accent stays on its letter, a flag and a family of emoji stay whole. Cases are swapped in the turned text, by
    Unicode's full mappings: ß becomes SS, and a small sigma has its other form at the end of a word.
    """
    # Imported here: it takes longer than most requests, and hardly anybody asks.
    import regex

    return "".join(reversed(regex.findall(r"\X", text))).swapcase()
