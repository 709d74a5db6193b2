"""What the nasty schema's arguments are given."""

from tests.compiled.values import Palette

NASTY = Palette(
    by_type={
        "Odd": [1, "even", [1], {"a": "b"}, True, "void", "coded", "cursed"],
        "Loose": [None, 1, "loose", [1, {"a": None}], {"a": {"b": [1.5]}}],
    },
    likely={
        "Way": ["NOW", "LATER", "SLOWLY", "AS_TASK", "AS_FUTURE", "AS_AWAITABLE"],
        "Row": ["LIST", "TUPLE", "GENERATOR", "ASYNC_GENERATOR", "LATER_ITEMS", "SOME_LATER_ITEMS"],
        "Flavour": ["GOOD", "NULLS", "SUBCLASSES", "LENIENT", "LAZY_LISTS", "COUNTING"],
    },
)
