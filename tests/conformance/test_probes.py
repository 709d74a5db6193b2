"""R2, R7, R8: what PROTOCOL.md of graphql-ws asks of a server, sentence by sentence."""

import pytest

from tests.conformance.conftest import Judge
from tests.conformance.programs import NOT_APPLICABLE, PASSED, names

PROBES = names("probes")

#: PROTOCOL.md says otherwise: it knows these messages from a server only, and a client that sends
#: one gets 4400, not 4500; and what is wrong with an operation is told by `error`, under its id.
REFERENCE_FAILS = {
    "connection_ack from the client closes the socket",
    "next from the client closes the socket",
    "a syntax error is told as error, and by nothing after it",
    "a syntax error leaves the other operations running",
    "an empty document is told as error, and by nothing after it",
    "an empty document leaves the other operations running",
}

#: A seat map is followed until somebody has had enough, and nothing of ours is slow or fails.
NOT_IN_OUR_SCHEMA = {
    "a subscription is told each value, and its end",
    "a quick query is not held up by a slow one",
    "no result comes after the client's complete of a query",
    "a subscription that fails at its start is told, and leaves the others running",
    "a subscription that fails later is told, and leaves the others running",
    "nothing comes after the failure of a subscription",
}


@pytest.mark.parametrize("probe", PROBES)
def test_r2_our_transport_passes(probe: str, judge_tiny: Judge) -> None:
    check = judge_tiny("probes")[probe]

    assert check.outcome == PASSED, check.why


@pytest.mark.parametrize("probe", PROBES)
def test_r2_the_server_passes(probe: str, judge_onsale: Judge) -> None:
    check = judge_onsale("probes")[probe]

    expected = NOT_APPLICABLE if probe in NOT_IN_OUR_SCHEMA else PASSED
    assert check.outcome == expected, check.why


@pytest.mark.usefixtures("node")
def test_r2_no_probe_is_left_out() -> None:
    assert len(PROBES) == len(set(PROBES)) >= 48


def test_r2_the_reference_server_passes_what_is_probed(judge_reference: Judge) -> None:
    checks = judge_reference("probes")

    assert {name for name, check in checks.items() if check.outcome != PASSED} == REFERENCE_FAILS


@pytest.mark.parametrize(
    "wrong",
    [
        "a syntax error",
        "a validation error",
        "an unknown operationName",
        "a document of several operations without operationName",
        "an empty document",
    ],
)
def test_r7_what_is_wrong_with_one_operation_leaves_the_others_running(
    wrong: str, judge_onsale: Judge
) -> None:
    check = judge_onsale("probes")[f"{wrong} leaves the other operations running"]

    assert check.outcome == PASSED, check.why


def test_r8_the_legacy_protocol_is_refused(judge_onsale: Judge) -> None:
    probe = "a handshake with only the legacy subprotocol graphql-ws is refused"
    check = judge_onsale("probes")[probe]

    assert check.outcome == PASSED, check.why


def test_r8_the_legacy_protocol_is_not_preferred_either(judge_onsale: Judge) -> None:
    check = judge_onsale("probes")["graphql-transport-ws is chosen beside the legacy subprotocol"]

    assert check.outcome == PASSED, check.why
