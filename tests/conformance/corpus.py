"""What nobody should send: values, documents and GraphQL requests that are nearly right, or not."""

from typing import Any

from hypothesis import strategies as st

#: Each has broken some server: see the tables of what stock Strawberry answers 500 to.
BODIES = (
    b"",
    b"null",
    b'{"query": "{ events(filter: {onDate: 5}) { totalCount } }"}',
    b'{"query": "{ events(filter: {onDate: $d}) { totalCount } }"}',
    b'{"query": "{ events(filter: {startsFrom: \\"2026-11-20\\"}) { totalCount } }"}',
    b"5",
    b'"x"',
    b"[]",
    b"[1]",
    b"[null]",
    b'[{"query": "{ viewer { id } }"}]',
    b"{",
    b"{}",
    b'{"query": null}',
    b'{"query": 5}',
    b'{"query": ""}',
    b'{"query": " "}',
    b'{"query": ["{ viewer { id } }"]}',
    b'{"query": "{ viewer { id } }", "variables": "x"}',
    b'{"query": "{ viewer { id } }", "variables": []}',
    b'{"query": "{ viewer { id } }", "variables": [1]}',
    b'{"query": "{ viewer { id } }", "operationName": 5}',
    b'{"query": "{ viewer { id } }", "operationName": "Nobody"}',
    b'{"query": "{ viewer { id } }", "extensions": 5}',
    b'{"query": "{ viewer { id } }", "extensions": {"persistedQuery": 5}}',
    b'{"query": "{ viewer { id } }", "extensions": {"persistedQuery": {"sha256Hash": 5}}}',
    b'{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "abc"}}}',
    b'{"query": "{ viewer { id } }", "query": 5}',
    b'{"query": "query A { viewer { id } } query B { viewer { id } }"}',
    b'{"query": "fragment F on Query { viewer { id } }"}',
    b'{"query": "subscription { seatAvailability(eventId: \\"x\\") { __typename } }"}',
    b'{"query": "query($n: Int) { events(first: $n) { totalCount } }", "variables": {"n": NaN}}',
    b'{"query": "query($n: Int) { events(first: $n) { totalCount } }", "variables": {"n": -1e400}}',
    b'{"query": "query($n: Int) { events(first: $n) { totalCount } }", "variables": {"n": 1e19}}',
    b'{"query": "query($i: ID!) { node(id: $i) { id } }", "variables": {"i": "\\ud800"}}',
    b'{"query": "query($i: ID!) { node(id: $i) { id } }", "variables": {"i": "\\u0000"}}',
    b'{"query": "{ node(id: \\"\\u0000\\") { id } }"}',
    b'{"query": "{ node(id: \\"\\\\uD83D\\") { id } }"}',
    b"\xff\xfe",
    b'{"query": "\xff"}',
    b"\xef\xbb\xbf{}",
    '{"query": "{ viewer { id } }"}'.encode("utf-16"),
    b"[" * 20_000,
    b"[" * 20_000 + b"]" * 20_000,
    b'{"query": "{ viewer { id } }", "variables": ' + b'{"a":' * 2_000 + b"1" + b"}" * 2_001,
    b'{"query": "' + b"{ viewer " * 2_000 + b'"}',
    b'{"query": "{ viewer { id } }"}' + b" " * 100_000,
    b'{"query": "' + b"a" * 99_000 + b'"}',
    b"--x\r\nContent-Disposition: form-data; name=operations\r\n\r\n{}\r\n--x--",
    b"query=%7Bviewer%7Bid%7D%7D",
)

#: Words of the language and of our schema, to be put together as chance will have it.
_VOCABULARY = """query mutation subscription fragment on true false null { } ( ) [ ] : ! = | & @
... $ $a # @include(if:true) @skip(if:$a) @defer @stream __schema __type(name:"Query") __typename
events event eventTypes node reservation viewer seats availability seatMap id title nodes edges
pageInfo totalCount states first: last: after: filter: by: id: input: 1 -1 1.5 99999999999999999999
"" "x" \\u0041 Event Node Query reserveSeats(input:{}) startGuestSession{token} seatAvailability"""
_WORDS = _VOCABULARY.split()

_VALID = (
    "{ viewer { id } }",
    "query A($n: Int = 3) { events(first: $n) { nodes { id seats { index price { amount } } } } }",
    "query B($by: EventBy!) { event(by: $by) { availability { version states } } }",
    "mutation C($input: ReserveSeatsInput!) { reserveSeats(input: $input) { reservation { id } } }",
    "{ __schema { types { name fields { name type { name } } } } }",
    '{ node(id: "x") { __typename ... on Event { title } ...F } } fragment F on Node { id }',
)

#: Strings that end up in a database, a log, or a number.
_ODD_TEXTS = ("", " ", "\x00", "\ufeff", "\u202e", "💥" * 30, "-1", "NaN", "1e999", "'; --", "%00")
TEXTS = st.one_of(st.text(max_size=40), st.sampled_from((*_ODD_TEXTS, "A" * 5_000)))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**65), 2**65),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


@st.composite
def damaged(draw: st.DrawFn, whole: str) -> str:
    """Cut some of a text out, and put something else there."""
    start = draw(st.integers(0, len(whole)))
    end = draw(st.integers(start, min(start + 30, len(whole))))
    instead = draw(st.one_of(st.sampled_from(_WORDS), st.text(max_size=5)))
    return whole[:start] + instead + whole[end:]


def _repeated(parts: tuple[str, str, str], times: int) -> str:
    before, repeated, after = parts
    return before + repeated * times + after


DOCUMENTS = st.one_of(
    st.sampled_from(_VALID),
    st.sampled_from(_VALID).flatmap(damaged),
    st.lists(st.sampled_from(_WORDS), max_size=30).map(" ".join),
    st.text(max_size=60),
    st.builds(
        _repeated,
        st.sampled_from(
            [
                ("{ ", "viewer { id } ", "}"),
                ("{ ", "... { viewer { id ", "}" * 20),
                ("{ viewer { id ", "@include(if: true) ", "} }"),
                ("", "query A { viewer { id } } ", ""),
                ("{ node(id: ", "[", "1) { id } }"),
                ('{ node(id: "', "\\u0041", '") { id } }'),
                ("{ viewer { id } } ", "# a remark\n", ""),
                ("{ ", "a: viewer { id } ", "}"),
            ]
        ),
        st.integers(0, 400),
    ),
)
VARIABLES = st.one_of(
    st.none(),
    VALUES,
    st.dictionaries(st.sampled_from(["n", "by", "input", "i", "a"]), VALUES, max_size=3),
)
#: The parameters of a request, each right, wrong, or not there.
REQUESTS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "query": st.one_of(DOCUMENTS, DOCUMENTS, DOCUMENTS, SCALARS),
        "variables": VARIABLES,
        "operationName": st.one_of(st.none(), st.sampled_from(["A", "B", "C", ""]), VALUES),
        "extensions": st.one_of(
            VALUES, st.fixed_dictionaries({"persistedQuery": VALUES}), st.just({})
        ),
        "id": SCALARS,
    },
)
