"""Documents that cost much to read: the worst that were found, within our limits and beyond."""

#: 6.3 kB that keep a stock server busy for 605 ms: one of the rules compares each with each.
OVERLAPPED = "eventTypes { key name description } "
OVERLAPPING = "{ " + OVERLAPPED * 175 + "}"
INLINE_FRAGMENTS = "{ " + "... on Query { viewer { id } } " * 100 + "}"
DUPLICATED = "query { " + "__typename \n" * 500 + "}"


def _fragments(count: int) -> str:
    """Spread each fragment in all before it."""
    texts = [
        f" fragment F{number} on Query {{ viewer {{ id }} "
        + " ".join(f"...F{later}" for later in range(number + 1, count))
        + " }"
        for number in range(count)
    ]
    return "{ ...F0 }" + "".join(texts)


def _side_by_side(count: int) -> str:
    """Spread each fragment once."""
    spreads = " ".join(f"...F{number}" for number in range(count))
    selected = "on Query { events { nodes { id } } }"
    texts = [f" fragment F{number} {selected}" for number in range(count)]
    return f"{{ {spreads} }}{''.join(texts)}"


def _input(fields: str) -> str:
    return f"mutation {{ reserveSeats(input: {{{fields}}}) {{ errors {{ __typename }} }} }}"


PLACES = "{sectionId: 1, quantity: 1} "
COSTLY = {
    "overlapping fields, 6.3 kB": OVERLAPPING,
    "100 inline fragments": INLINE_FRAGMENTS,
    "a field 500 times": DUPLICATED,
    "overlapping fields, as many as may be": "{ " + OVERLAPPED * 50 + "}",
    "inline fragments, as many as may be": "{ " + "... on Query { viewer { id } } " * 66 + "}",
    "overlapping fields with arguments": "{ " + 'event(by: {slug: "a"}) { id } ' * 100 + "}",
    "overlapping fields with long arguments": "{ "
    + f"node(id: [{'1 ' * 18}]) {{ id }} " * 66
    + "}",
    "overlapping fields with an argument each": "{ " + '__type(name: "a") { name } ' * 100 + "}",
    "overlapping paths": "{ " + "events { nodes { seats { section { id } } } } " * 39 + "}",
    "fragments in fragments": _fragments(12),
    "as many fragments as may be": _side_by_side(30),
    "a long list": _input(f'eventId: "x", seatIndexes: [{"1 " * 1_900}]'),
    "a long list of what does not fit": _input(f'eventId: "x", seatIndexes: [{"a " * 1_900}]'),
    "many objects": _input(f'eventId: "x", generalAdmission: [{PLACES * 230}]'),
    "many unknown parts of an input": _input(" ".join(f"a{number}: 1" for number in range(600))),
    "many unknown parts of a default": "query ($i: ReserveSeatsInput = {"
    + " ".join(f"a{number}: 1" for number in range(600))
    + "}) { __typename }",
    "a part of an input again and again": _input("seatIndexe: 1 " * 600),
    "many unknown arguments": "{ events("
    + " ".join(f"firs{number:x}: 1" for number in range(600))
    + ") { totalCount } }",
    "an argument again and again": "{ events(" + "first: 1 " * 600 + ") { totalCount } }",
    "many unknown fields": "{ " + " ".join(f"eventz{number}" for number in range(199)) + " }",
    "many variables": "query ("
    + " ".join(f"$v{number}: [Int!]" for number in range(280))
    + ") { __typename }",
    "many operations": " ".join(f"query Q{number} {{ viewer {{ id }} }}" for number in range(99)),
    "a long name": "{ " + "e" * 19_000 + " }",
    "a long string": '{ node(id: "' + "\\u0041" * 3_200 + '") { id } }',
    "a longer text than may be": "{ viewer { id } }" + " " * 50_000,
    "more tokens than may be": "{ " + "a " * 9_000 + "}",
    "more comments than may be": "{ viewer { id } }" + "\n#x" * 5_000,
    "deep values": "{ node(id: " + "[" * 900 + "]" * 900 + ") { id } }",
    "deep selections": "{ " + "a { " * 900,
    "deep introspection": "{ __schema { types { fields { type { fields { type { fields {"
    " type { fields { type { name } } } } } } } } } } }",
    "many directives": "{ __typename " + "@aa " * 1_500 + "}",
    "many aliases": "{ " + " ".join(f"a{number}: viewer {{ id }}" for number in range(300)) + " }",
}
