"""Text folded for searching: what is stored and what is asked meet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box_office.search_text import search_text_of, searchable


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Café  Ørsted\n", "cafe orsted"),
        ("GROẞE Straße", "grosse strasse"),
        ("Łódź", "lodz"),
        ("İstanbul", "istanbul"),
        ("Théâtre des Lucioles", "theatre des lucioles"),
        ("Ёлка", "елка"),
        ("ガ が", "ガ が"),
        ("\uff46\uff55\uff4c\uff4c", "full"),
        ("a\0b\ud800c", "a b c"),
        ("", ""),
    ],
)
def test_text_is_folded_to_lower_case_without_accents(text: str, folded: str) -> None:
    assert searchable(text) == folded


@given(st.text(alphabet=st.characters()))
def test_folding_twice_is_folding_once_and_can_always_be_stored(text: str) -> None:
    folded = searchable(text)

    assert searchable(folded) == folded
    assert "\0" not in folded
    folded.encode()


def test_parts_are_joined_and_missing_ones_passed_over() -> None:
    assert search_text_of("Été", None, "", "Lyon") == "ete lyon"
