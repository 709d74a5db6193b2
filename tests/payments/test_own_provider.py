"""The pretending provider that a server starts for itself, where it cannot be started at once."""

from pathlib import Path
from uuid import uuid4

from structlog.testing import capture_logs

from box_office.providers import ChargeState
from onsale.payments.pretend.adapter import PretendProvider
from onsale.payments.pretend.own import own_provider
from tests.given_time import eventually

LOG = "pretend-payments.log"
CANNOT = "The pretending payment provider cannot be started; it is tried again"
START_SECONDS_MAX = 30.0


async def test_what_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / LOG).mkdir()

    with capture_logs() as said:
        async with own_provider(tmp_path, None) as own:
            await eventually(lambda: CANNOT in [line["event"] for line in said])
            (tmp_path / LOG).rmdir()
            await eventually((tmp_path / LOG).is_file, START_SECONDS_MAX)
            async with PretendProvider.connected(own.url, own.key) as provider:
                standing = await provider.look_up(uuid4())

    assert standing.state is ChargeState.NONE


async def test_whoever_never_could_start_it_ends_in_order_all_the_same(tmp_path: Path) -> None:
    (tmp_path / LOG).mkdir()

    with capture_logs() as said:
        async with own_provider(tmp_path, None):
            await eventually(lambda: CANNOT in [line["event"] for line in said])
