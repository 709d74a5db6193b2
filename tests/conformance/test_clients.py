"""R2, R3: the clients that people use, end to end."""

import pytest

from tests.conformance.conftest import Judge
from tests.conformance.programs import NOT_APPLICABLE, PASSED, names

#: A seat map is followed until somebody has had enough.
ENDS_BY_ITSELF = "a subscription can be iterated over, and ends"


def passes(judge: Judge, suite: str, name: str) -> None:
    check = judge(suite)[name]
    assert check.outcome == PASSED, check.why


@pytest.mark.parametrize("check", names("websocketClient"))
def test_r2_graphql_ws_finds_our_transport_right(check: str, judge_tiny: Judge) -> None:
    passes(judge_tiny, "websocketClient", check)


@pytest.mark.parametrize("name", names("websocketClient"))
def test_r2_graphql_ws_finds_the_server_right(name: str, judge_onsale: Judge) -> None:
    check = judge_onsale("websocketClient")[name]

    expected = NOT_APPLICABLE if name == ENDS_BY_ITSELF else PASSED
    assert check.outcome == expected, check.why


@pytest.mark.parametrize("check", names("sseClient"))
def test_r2_graphql_sse_finds_our_transport_right(check: str, judge_tiny: Judge) -> None:
    passes(judge_tiny, "sseClient", check)


@pytest.mark.parametrize("check", names("sseClient"))
def test_r2_graphql_sse_finds_the_server_right(check: str, judge_onsale: Judge) -> None:
    passes(judge_onsale, "sseClient", check)


@pytest.mark.parametrize("check", names("urql"))
def test_r3_urql_finds_the_server_right(check: str, judge_onsale: Judge) -> None:
    passes(judge_onsale, "urql", check)


@pytest.mark.parametrize("check", names("urqlOverSse"))
def test_r3_urql_without_web_sockets_finds_the_server_right(
    check: str, judge_onsale: Judge
) -> None:
    passes(judge_onsale, "urqlOverSse", check)


@pytest.mark.parametrize("check", names("apollo"))
def test_r3_apollo_finds_the_server_right(check: str, judge_onsale: Judge) -> None:
    passes(judge_onsale, "apollo", check)


@pytest.mark.parametrize("suite", ["websocketClient", "sseClient", "urql", "apollo"])
def test_the_reference_servers_pass_what_the_clients_check(
    suite: str, judge_reference: Judge
) -> None:
    checks = judge_reference(suite)

    assert [check for check in checks.values() if check.outcome != PASSED] == []


@pytest.mark.usefixtures("node")
def test_no_check_is_left_out() -> None:
    suites = ("websocketClient", "sseClient", "urql", "apollo")

    assert [len(set(names(suite))) for suite in suites] == [13, 7, 7, 8]
