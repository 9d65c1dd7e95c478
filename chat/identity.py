"""Who is speaking: the visitor's session token, and the identity that the host site signs.

A visitor is anonymous: a random id in a signed session token, which the widget keeps and sends in
its first frame. A shop that knows its customer signs a short-lived JSON Web Token (RFC 7519,
HS256) with SUPPORTBOT_IDENTITY_SECRET; exchanging it gives a session of that customer. Every
conversation belongs to exactly one `owner`, and every query filters by it.
"""

import secrets
import time
from dataclasses import dataclass

import jwt
from django.conf import settings
from django.core import signing
from django.core.cache import cache
from pydantic import BaseModel, Field, ValidationError

SESSION_SALT = "chat.session"
SESSION_MAX_AGE = 30 * 24 * 3600
"""Seconds. A customer who returns within a month finds the conversation again."""

IDENTITY_MAX_LIFETIME = 600
"""Seconds between `iat` and `exp`: a page load, not a login. A leaked token is soon worthless."""


class IdentityError(Exception):
    """A token that proves nothing. The message says why, for the developer of the host site."""


@dataclass(frozen=True, slots=True)
class VerifiedCustomer:
    """A customer whom the host site vouches for."""

    id: str
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever is on the other end. `owner` is what their conversations are filed under."""

    owner: str
    customer: VerifiedCustomer | None = None


class _Claims(BaseModel):
    sub: str = Field(min_length=1, max_length=120)
    email: str = Field(min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")
    name: str = Field(default="", max_length=200)
    iat: int
    exp: int
    jti: str = Field(min_length=8, max_length=120)


def new_visitor() -> Visitor:
    """A visitor nobody has seen before."""
    return Visitor(owner=f"visitor:{secrets.token_urlsafe(18)}")


def verify_identity(token: str) -> Visitor:
    """Reads the host site's signed identity, once: a token seen before is refused.

    Raises IdentityError.
    """
    if not settings.IDENTITY_SECRET:
        raise IdentityError("Signed identities are off: set SUPPORTBOT_IDENTITY_SECRET.")
    try:
        claims = _Claims.model_validate(
            jwt.decode(token, settings.IDENTITY_SECRET, algorithms=["HS256"])
        )
    except jwt.InvalidTokenError as error:
        raise IdentityError(f"The identity token is not valid: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise IdentityError(f"The identity token's {first['loc'][0]}: {first['msg']}") from error
    if claims.exp - claims.iat > IDENTITY_MAX_LIFETIME:
        raise IdentityError(f"The identity token lives longer than {IDENTITY_MAX_LIFETIME} s.")
    if not cache.add(f"identity:{claims.jti}", 1, timeout=IDENTITY_MAX_LIFETIME):
        raise IdentityError("The identity token was used before.")
    customer = VerifiedCustomer(claims.sub, claims.email.lower(), claims.name)
    return Visitor(owner=f"customer:{claims.sub}", customer=customer)


def sign_identity(customer: VerifiedCustomer) -> str:
    """What a host site does on its own server; here for the demo shop and the tests."""
    now = int(time.time())
    claims = {
        "sub": customer.id,
        "email": customer.email,
        "name": customer.name,
        "iat": now,
        "exp": now + IDENTITY_MAX_LIFETIME,
        "jti": secrets.token_urlsafe(12),
    }
    return jwt.encode(claims, settings.IDENTITY_SECRET, algorithm="HS256")


def issue_session(visitor: Visitor) -> str:
    """The session token that the widget keeps."""
    payload: dict[str, str] = {"owner": visitor.owner}
    if visitor.customer:
        payload |= {"email": visitor.customer.email, "name": visitor.customer.name}
    return signing.dumps(payload, salt=SESSION_SALT)


def read_session(token: str) -> Visitor:
    """The visitor a session token stands for. Raises IdentityError."""
    try:
        payload = signing.loads(token, salt=SESSION_SALT, max_age=SESSION_MAX_AGE)
    except signing.BadSignature as error:
        raise IdentityError("The session token is not valid or has expired.") from error
    owner = payload["owner"]
    kind, _, subject = owner.partition(":")
    if kind != "customer":
        return Visitor(owner)
    return Visitor(owner, VerifiedCustomer(subject, payload["email"], payload["name"]))
