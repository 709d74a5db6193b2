"""Who is asking: buyers known by tokens that this installation has signed.

Whoever holds the key pair, such as a shop's own sign-in, signs a token with Ed25519. The tokens
that a server itself gives to guests are authenticated with a secret derived from that key: at an
on-sale all come in the same second, each with a token not seen before, and to verify a signature
takes longer than all that is done for a reservation (decision 0021).
"""

import hmac
import time
from base64 import urlsafe_b64decode
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, OctKey, OKPKey

from schema.context import Buyer, GuestSession

GUEST_SESSION_DURATION = timedelta(days=30)
VERIFIED_TOKENS_MAX = 10_000
TOKEN_CHARACTERS_MAX = 4_096
SESSION_COOKIE = "onsale_session"
#: EdDSA with this curve, by the name RFC 9864 gives it; "EdDSA" alone is deprecated there.
ALGORITHM = "Ed25519"
#: HMAC with SHA-256, of tokens that are only for ourselves.
OWN_ALGORITHM = "HS256"
ALGORITHMS = [ALGORITHM, OWN_ALGORITHM]
#: What the secret is derived for, so that no other use of the key ever makes the same one.
OWN_PURPOSE = b"onsale: tokens of guests"


class InvalidToken(Exception):  # noqa: N818 - named for what happened.
    """Who sent this token cannot be told from it."""

    def __init__(self, message: str, *, came_by_cookie: bool = False) -> None:
        super().__init__(message)
        self.came_by_cookie = came_by_cookie


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """What a token of ours says."""

    buyer: Buyer
    #: Seconds since 1970.
    expires_at: int


class Tokens:
    """Signs tokens, and tells whose a token is."""

    def __init__(self, key: OKPKey) -> None:
        self._key = key
        self._own_key = _own_key(key)
        self._own_header = {"alg": OWN_ALGORITHM, "kid": key.thumbprint()}
        self._verified: OrderedDict[str, VerifiedToken] = OrderedDict()

    def issue(self, buyer: Buyer) -> GuestSession:
        """Make a token for this buyer, known to this server without another look."""
        now = datetime.now(UTC).replace(microsecond=0)
        expires_at = now + GUEST_SESSION_DURATION
        until = int(expires_at.timestamp())
        claims = {
            "sub": str(buyer.id),
            "guest": buyer.is_guest,
            "iat": int(now.timestamp()),
            "exp": until,
        }
        token = jwt.encode(self._own_header, claims, self._own_key, algorithms=[OWN_ALGORITHM])
        self._remember(token, VerifiedToken(buyer, until))
        return GuestSession(token=token, expires_at=expires_at, buyer=buyer)

    def verify(self, token: str) -> VerifiedToken:
        """Tell whose token this is; the second time without any cryptography.

        Raises InvalidToken.
        """
        verified = self._verified.get(token)
        if verified is None:
            verified = self._read(token)
            self._remember(token, verified)
        if verified.expires_at <= time.time():
            self._verified.pop(token, None)
            raise InvalidToken("The token has expired. Start a new guest session without it.")
        return verified

    def _remember(self, token: str, verified: VerifiedToken) -> None:
        self._verified[token] = verified
        if len(self._verified) > VERIFIED_TOKENS_MAX:
            self._verified.popitem(last=False)

    def _read(self, token: str) -> VerifiedToken:
        """Check the signature and the shape; whatever is wrong is one and the same to clients."""
        if len(token) > TOKEN_CHARACTERS_MAX:
            raise InvalidToken("The token is too long to be one of ours.")
        try:
            claims = jwt.decode(token, self._key_of, algorithms=ALGORITHMS).claims
            buyer = Buyer(id=UUID(claims["sub"]), is_guest=claims["guest"] is True)
            return VerifiedToken(buyer, int(claims["exp"]))
        except (
            JoseError,
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
            OverflowError,
            RecursionError,
        ) as problem:
            raise InvalidToken(
                "The token is not valid here. Start a new guest session without it."
            ) from problem

    def _key_of(self, token: GuestProtocol) -> OctKey | OKPKey:
        """Give the one key of the algorithm that a token names: neither is ever used as the other.

        See RFC 8725, section 3.1.
        """
        return self._own_key if token.headers()["alg"] == OWN_ALGORITHM else self._key


def _own_key(key: OKPKey) -> OctKey:
    """Derive a secret from the private key: a block of HKDF-Expand (RFC 5869, section 2.3).

    Nothing has to be extracted first: the seed of an Ed25519 key is as random as its length.
    """
    seed = key.as_dict(private=True)["d"]
    assert isinstance(seed, str)
    secret = hmac.digest(urlsafe_b64decode(seed + "=="), OWN_PURPOSE + b"\x01", "sha256")
    return OctKey.import_key(secret)


class Visitor:
    """Whoever sends one request or opens one socket; answers to `schema.context.Identity`."""

    def __init__(self, tokens: Tokens, verified: VerifiedToken | None, *, by_cookie: bool) -> None:
        self._tokens = tokens
        self._verified = verified
        #: A cookie is sent by browsers on any page's behalf, so its Origin has to be looked at.
        self.by_cookie = by_cookie
        #: The guest session that was started in answer to this request.
        self.started: GuestSession | None = None

    @property
    def buyer(self) -> Buyer | None:
        """The buyer, if any: without a token, a visitor is nobody in particular."""
        return self._verified.buyer if self._verified else None

    @property
    def expires_at(self) -> int | None:
        """When the visitor's token ends, in seconds since 1970."""
        return self._verified.expires_at if self._verified else None

    def start_guest_session(self, buyer: Buyer | None) -> GuestSession:
        """Make a new guest known, or the same buyer for longer."""
        self.started = self._tokens.issue(buyer or Buyer(id=uuid4(), is_guest=True))
        return self.started


def recognise(tokens: Tokens, authorization: str | None, cookies: Mapping[str, str]) -> Visitor:
    """Tell who sends a request, by its Authorization header or else its cookie.

    Raises InvalidToken: who sends a token means to be somebody, so a bad one is never passed over.
    """
    if authorization is not None:
        token = bearer_token(authorization)
        return Visitor(tokens, tokens.verify(token), by_cookie=False)
    if cookie := cookies.get(SESSION_COOKIE):
        try:
            return Visitor(tokens, tokens.verify(cookie), by_cookie=True)
        except InvalidToken as problem:
            raise InvalidToken(str(problem), came_by_cookie=True) from None
    return Visitor(tokens, None, by_cookie=False)


def bearer_token(authorization: str) -> str:
    """Take the token out of an Authorization header. Raises InvalidToken."""
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise InvalidToken("The Authorization header must read `Bearer <token>`.")
    return token.strip()
