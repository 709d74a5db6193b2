"""Text that cannot be stored, found before it gets to PostgreSQL."""

from collections.abc import Iterator

from box_office.refusals import InvalidInput, Refusal


def check_words(text: str, length_max: int, *path: str) -> Iterator[Refusal]:
    """Refuse words that are none, too many, or hold what cannot be stored."""
    if not text.strip():
        yield InvalidInput(message="Write something here; it is empty.", path=path)
    if len(text) > length_max:
        yield InvalidInput(
            message=f"{len(text)} characters are too many; shorten it to {length_max}.", path=path
        )
    if foreign := unstorable_character(text):
        yield InvalidInput(message=f"It contains {foreign}; remove it.", path=path)


def unstorable_character(text: str) -> str | None:
    """Name the first character that has no place in a name; None when all have."""
    if text.isprintable():
        return None
    for character in text:
        code = ord(character)
        if code == 0:
            return "a NUL character"
        if 0xD800 <= code <= 0xDFFF:  # noqa: PLR2004 - the surrogates.
            return f"half a character (a lone surrogate, U+{code:04X})"
        if (code < 0x20 and character not in "\t\n\r") or 0x7F <= code < 0xA0:  # noqa: PLR2004 - the controls.
            return f"the control character U+{code:04X}"
    return None
