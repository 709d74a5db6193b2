"""Where a server listens, and where it is found from the same machine."""

import socket

import pytest

from onsale.door import host_and_port, nearby, take_door, webhooks_url
from onsale.settings import Settings

EVERYWHERE = "0.0.0.0"  # noqa: S104 - for a moment, on a port that nobody knows.


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", EVERYWHERE, "::"])
def test_who_listens_there_is_found_nearby(host: str) -> None:
    if ":" in host and not has_ipv6():
        pytest.skip("this machine has no IPv6")

    with take_door(host, 0) as door:
        door.listen()
        address = nearby(host), door.getsockname()[1]
        socket.create_connection(address, timeout=5).close()


def has_ipv6() -> bool:
    try:
        take_door("::1", 0).close()
    except OSError:
        return False
    return True


def test_a_taken_door_is_taken() -> None:
    with take_door("127.0.0.1", 0) as door:
        door.listen()

        with pytest.raises(OSError, match="in use"):
            take_door(*door.getsockname())


@pytest.mark.parametrize("host", ["a..b", "a" * 64])
def test_a_name_that_cannot_be_one_is_an_ordinary_fault(host: str) -> None:
    with pytest.raises(OSError, match="no such name"):
        take_door(host, 8000)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000/webhooks/payments"),
        ("tickets.example", "http://tickets.example:8000/webhooks/payments"),
        (EVERYWHERE, "http://127.0.0.1:8000/webhooks/payments"),
        ("::", "http://[::1]:8000/webhooks/payments"),
        ("fd00::5", "http://[fd00::5]:8000/webhooks/payments"),
    ],
)
def test_a_provider_on_this_machine_is_told_where_it_finds_us(host: str, url: str) -> None:
    assert webhooks_url(Settings(host=host)) == url


def test_an_address_is_written_as_in_urls() -> None:
    assert host_and_port("::", 8000) == "[::]:8000"
    assert host_and_port(EVERYWHERE, 8000) == "0.0.0.0:8000"
