"""R1: the audits of GraphQL over HTTP, by those who wrote its specification."""

import pytest

from tests.conformance.conftest import Judge
from tests.conformance.programs import PASSED, names

AUDITS = names("audits")


@pytest.mark.parametrize("audit", AUDITS)
def test_r1_the_server_passes(audit: str, judge_onsale: Judge) -> None:
    check = judge_onsale("audits")[audit]

    assert check.outcome == PASSED, check.why


@pytest.mark.usefixtures("node")
def test_r1_no_audit_is_left_out() -> None:
    assert len(AUDITS) == len(set(AUDITS)) == 61
