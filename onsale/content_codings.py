"""How a file is packed on its way: what a client takes, and what it has already (RFC 9110)."""

import re
from enum import StrEnum

_QUALITY = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")
_ENTITY_TAG = re.compile(r'"[!#-~\x80-\xff]*"')
_ALIASES = {"x-gzip": "gzip"}
#: Plain bytes that are not named are taken, and liked less than whatever is.
_UNNAMED = 0.0001


class Coding(StrEnum):
    """A way to pack a file, by its name in HTTP. The smallest file comes first."""

    BROTLI = "br"
    GZIP = "gzip"
    IDENTITY = "identity"


def taken_codings(accept_encoding: str) -> list[Coding]:
    """Give the codings that a client takes by its Accept-Encoding header, the best first.

    Of what it likes equally, the smaller file comes first. An empty header, or none, takes plain
    bytes; what cannot be read of it says nothing.
    """
    wishes = _wishes(accept_encoding)
    liked = {coding: _liked(coding, wishes) for coding in Coding}
    return sorted((coding for coding in Coding if liked[coding]), key=lambda it: -liked[it])


def has_one_of(if_none_match: str, entity_tag: str) -> bool:
    """Tell whether a client has a file already, by its If-None-Match header.

    A tag's mark as weak does not matter here: it says the same of a file that never changes.
    """
    if if_none_match.strip() == "*":
        return True
    return entity_tag in _ENTITY_TAG.findall(if_none_match)


def _wishes(accept_encoding: str) -> dict[str, float]:
    """Read how much each named coding is liked, from 0, which is not at all, to 1."""
    wishes = {}
    for wish in accept_encoding.lower().split(","):
        name, has_quality, quality = (part.strip() for part in wish.partition(";"))
        match = _QUALITY.fullmatch(quality.replace(" ", ""))
        if name and (match or not has_quality):
            wishes[_ALIASES.get(name, name)] = float(match[1]) if match else 1.0
    return wishes


def _liked(coding: Coding, wishes: dict[str, float]) -> float:
    """Say how much a coding is liked; 0: it is not taken."""
    unnamed = _UNNAMED if coding is Coding.IDENTITY else 0.0
    return wishes.get(coding, wishes.get("*", unnamed))
