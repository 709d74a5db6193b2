"""How text is folded so that "cafe" finds "Café": the same for what is stored and what is asked."""

import unicodedata

#: Letters that Unicode does not take apart into a base and an accent.
_FOLDED_LETTERS = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "ħ": "h",
        "\u0131": "i",
    }
)
#: Combining Diacritical Marks: accents of Latin, Greek and Cyrillic. Marks of other scripts, such
#: as the dots that make か into が, change the letter and stay.
_FIRST_ACCENT, _LAST_ACCENT = "\u0300", "\u036f"


def searchable(text: str) -> str:
    """Fold text for searching: lower case, no accents, single spaces, all of it storable."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(c for c in apart if not _FIRST_ACCENT <= c <= _LAST_ACCENT)
    folded = unicodedata.normalize("NFKC", bare).casefold().translate(_FOLDED_LETTERS)
    # NUL and lone surrogates cannot be stored; they and every other control separate words.
    storable = "".join(" " if unicodedata.category(c) in {"Cc", "Cs"} else c for c in folded)
    return " ".join(storable.split())


def search_text_of(*parts: str | None) -> str:
    """Join everything a visitor may search for into one folded text."""
    return searchable(" ".join(part for part in parts if part))
