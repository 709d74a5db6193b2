import hmac
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from http.cookies import SimpleCookie
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey

from onsale.identity import (
    ALGORITHM,
    GUEST_SESSION_DURATION,
    OWN_ALGORITHM,
    SESSION_COOKIE,
    VERIFIED_TOKENS_MAX,
    InvalidToken,
    Tokens,
)
from schema.context import Buyer
from tests.transport.tiny import FOREIGN_FRIEND, TinyServer

WHO = {"query": "{ who }"}


@pytest.fixture
def key() -> OKPKey:
    return OKPKey.generate_key("Ed25519")


def claiming(**claims: object) -> dict[str, object]:
    return {"sub": str(uuid4()), "guest": True, "iat": 0, "exp": int(time.time()) + 60} | claims


def signed(key: OKPKey, **claims: object) -> str:
    return jwt.encode({"alg": ALGORITHM}, claiming(**claims), key, algorithms=[ALGORITHM])


def with_hmac(secret: bytes) -> str:
    """Make a token as HS256 says, by hand: the library refuses some secrets that others take."""
    parts = (orjson.dumps({"alg": OWN_ALGORITHM}), orjson.dumps(claiming()))
    text = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    mac = urlsafe_b64encode(hmac.digest(secret, text, "sha256")).rstrip(b"=")
    return (text + b"." + mac).decode()


def read(part: str) -> Any:
    return orjson.loads(urlsafe_b64decode(part + "=="))


def a_buyer() -> Buyer:
    return Buyer(id=uuid4(), is_guest=True)


def test_a_token_tells_whose_it_is_for_thirty_days(key: OKPKey) -> None:
    buyer = a_buyer()

    session = Tokens(key).issue(buyer)
    verified = Tokens(key).verify(session.token)

    assert verified.buyer == buyer
    assert verified.expires_at == session.expires_at.timestamp()
    assert abs(verified.expires_at - time.time() - GUEST_SESSION_DURATION.total_seconds()) < 5


def test_a_token_names_its_key_and_nothing_of_the_buyer_but_the_id(key: OKPKey) -> None:
    head, claims, _ = Tokens(key).issue(a_buyer()).token.split(".")

    assert read(head) == {"typ": "JWT", "alg": OWN_ALGORITHM, "kid": key.thumbprint()}
    assert set(read(claims)) == {"sub", "guest", "iat", "exp"}


def test_what_was_signed_with_the_key_pair_elsewhere_is_as_good(key: OKPKey) -> None:
    buyer = uuid4()

    verified = Tokens(key).verify(signed(key, sub=str(buyer), guest=False))

    assert verified.buyer == Buyer(id=buyer, is_guest=False)


def test_a_token_that_was_just_given_needs_no_cryptography(
    key: OKPKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = Tokens(key)
    session = tokens.issue(a_buyer())
    monkeypatch.setattr(jwt, "decode", None)

    assert tokens.verify(session.token).buyer == session.buyer


def test_what_is_public_makes_no_secret(key: OKPKey) -> None:
    """The classic confusion: HMAC with the public key, which everybody has, as its secret."""
    public = key.as_dict(private=False)["x"]
    assert isinstance(public, str)
    spki = key.as_pem(private=False)
    tokens = Tokens(key)

    for secret in (public.encode(), urlsafe_b64decode(public + "=="), spki, spki.strip()):
        with pytest.raises(InvalidToken):
            tokens.verify(with_hmac(secret))
    tokens.verify(with_hmac(tokens._own_key.raw_value))  # With the secret itself it would be good.


def test_no_other_token_is_valid(key: OKPKey) -> None:
    tokens = Tokens(key)
    good = tokens.issue(a_buyer()).token
    unsigned = ".".join([urlsafe_b64encode(b'{"alg":"none"}').decode(), good.split(".")[1], ""])

    for bad in (
        "", "x", "a.b.c", "é", good[:-4], good + "x", good.replace(".", "", 1), unsigned,
        Tokens(OKPKey.generate_key("Ed25519")).issue(a_buyer()).token,
        signed(key, sub="not a uuid"), signed(key, sub=None), signed(key, exp="soon"),
        signed(key, exp=int(time.time()) - 1), "x" * 5_000,
    ):  # fmt: skip
        with pytest.raises(InvalidToken):
            tokens.verify(bad)


def test_a_remembered_token_still_expires(key: OKPKey) -> None:
    tokens = Tokens(key)
    token = signed(key, exp=int(time.time()) + 1)
    tokens.verify(token)

    time.sleep(1.1)

    with pytest.raises(InvalidToken, match="expired"):
        tokens.verify(token)


def test_only_so_many_tokens_are_remembered(key: OKPKey) -> None:
    tokens = Tokens(key)
    verified = tokens.verify(tokens.issue(a_buyer()).token)
    for n in range(VERIFIED_TOKENS_MAX - 1):
        tokens._verified[str(n)] = verified

    tokens.verify(tokens.issue(a_buyer()).token)

    assert len(tokens._verified) == VERIFIED_TOKENS_MAX


async def test_a_bearer_token_says_who_asks(client: httpx.AsyncClient, server: TinyServer) -> None:
    buyer = a_buyer()
    token = server.tokens.issue(buyer).token

    known = await client.post("/graphql", json=WHO, headers={"authorization": f"bearer {token}"})
    nobody = await client.post("/graphql", json=WHO)

    assert known.json()["data"] == {"who": str(buyer.id)}
    assert nobody.json()["data"] == {"who": None}


@pytest.mark.parametrize("header", ["Bearer x.y.z", "Bearer", "Basic YTpi", ""])
async def test_a_bad_token_is_a_401_and_not_nobody(client: httpx.AsyncClient, header: str) -> None:
    response = await client.post("/graphql", json=WHO, headers={"authorization": header})

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_starting_a_guest_session_sets_a_cookie_that_then_says_who_asks(
    client: httpx.AsyncClient, server: TinyServer
) -> None:
    started = await client.post("/graphql", json={"query": "mutation { startGuestSession }"})
    known = await client.post("/graphql", json=WHO)

    token = started.json()["data"]["startGuestSession"]
    cookie = SimpleCookie(started.headers["set-cookie"])[SESSION_COOKIE]
    assert cookie.value == token
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "lax", "/")
    assert not cookie["secure"]
    assert known.json()["data"] == {"who": str(server.tokens.verify(token).buyer.id)}


async def test_a_session_is_renewed_for_the_same_buyer(
    client: httpx.AsyncClient, server: TinyServer
) -> None:
    buyer = a_buyer()
    token = server.tokens.issue(buyer).token

    response = await client.post(
        "/graphql",
        json={"query": "mutation { startGuestSession }"},
        headers={"authorization": f"Bearer {token}"},
    )

    renewed = response.json()["data"]["startGuestSession"]
    assert server.tokens.verify(renewed).buyer == buyer


async def test_over_https_the_cookie_is_secure(
    client: httpx.AsyncClient,
) -> None:
    response = await client.post(
        "/graphql",
        json={"query": "mutation { startGuestSession }"},
        headers={"x-forwarded-proto": "https"},
    )

    assert SimpleCookie(response.headers["set-cookie"])[SESSION_COOKIE]["secure"]


@pytest.mark.parametrize(
    ("origin", "status"),
    [(None, 200), ("same", 200), (FOREIGN_FRIEND, 200), ("https://evil.example", 403),
     ("null", 403)],
)  # fmt: skip
async def test_only_pages_of_allowed_origins_may_post_with_the_cookie(
    client: httpx.AsyncClient, server: TinyServer, origin: str | None, status: int
) -> None:
    headers = {"cookie": f"{SESSION_COOKIE}={server.tokens.issue(a_buyer()).token}"}
    if origin is not None:
        headers["origin"] = server.url if origin == "same" else origin

    response = await client.post("/graphql", json=WHO, headers=headers)

    assert response.status_code == status


async def test_a_page_of_any_origin_may_use_a_token(
    client: httpx.AsyncClient, server: TinyServer
) -> None:
    token = server.tokens.issue(a_buyer()).token

    response = await client.post(
        "/graphql",
        json=WHO,
        headers={"authorization": f"Bearer {token}", "origin": "https://evil.example"},
    )

    assert response.status_code == 200


async def test_a_bad_cookie_is_taken_back_so_that_the_browser_can_begin_anew(
    client: httpx.AsyncClient,
) -> None:
    response = await client.post(
        "/graphql", json=WHO, headers={"cookie": f"{SESSION_COOKIE}=stale"}
    )

    assert response.status_code == 401
    assert SimpleCookie(response.headers["set-cookie"])[SESSION_COOKIE]["max-age"] == "0"
