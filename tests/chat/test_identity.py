"""Who is speaking: session tokens, and the host site's signed identity."""

import time
from typing import Any

import jwt
import pytest
from django.conf import settings as project
from django.core import signing
from pytest_django import Settings

from chat import identity
from chat.identity import IdentityError, Visitor


def signed(key: str = "", **changes: Any) -> str:
    now = int(time.time())
    claims: dict[str, Any] = {
        "sub": "C-1", "email": "Ada@Mail.example", "name": "Ada", "iat": now, "exp": now + 300,
        "jti": f"jti-{time.monotonic_ns()}",
    }  # fmt: skip
    claims |= changes
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key or project.IDENTITY_SECRET, algorithm="HS256")


def test_a_signed_identity_is_a_verified_customer() -> None:
    visitor = identity.verify_identity(signed())
    assert visitor.owner == "customer:C-1"
    assert visitor.customer is not None
    assert visitor.customer.email == "ada@mail.example"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": int(time.time()) - 1}, "expired"),
        ({"exp": int(time.time()) + 3600}, "lives longer"),
        ({"exp": None}, "exp"),
        ({"iat": None}, "iat"),
        ({"jti": None}, "jti"),
        ({"sub": ""}, "sub"),
        ({"email": "nobody"}, "email"),
        ({"key": "a-key-that-is-not-the-shops-own-key"}, "Signature"),
    ],
)
def test_an_identity_that_proves_nothing_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(IdentityError, match=reason):
        identity.verify_identity(signed(**changes))


@pytest.mark.parametrize("token", ["", "x", "a.b.c"])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(IdentityError):
        identity.verify_identity(token)


def test_an_unsigned_identity_is_refused() -> None:
    token = jwt.encode({"sub": "C-1"}, "", algorithm="none")
    with pytest.raises(IdentityError):
        identity.verify_identity(token)


def test_an_identity_works_once() -> None:
    token = signed()
    identity.verify_identity(token)
    with pytest.raises(IdentityError, match="used before"):
        identity.verify_identity(token)


def test_without_a_secret_identities_are_off(settings: Settings) -> None:
    token = signed()
    settings.IDENTITY_SECRET = ""
    with pytest.raises(IdentityError, match="SUPPORTBOT_IDENTITY_SECRET"):
        identity.verify_identity(token)


def test_a_session_brings_back_its_visitor(ada: Visitor, guest: Visitor) -> None:
    for visitor in (ada, guest):
        assert identity.read_session(identity.issue_session(visitor)) == visitor


def test_a_session_that_was_tampered_with_is_refused(ada: Visitor) -> None:
    token = identity.issue_session(ada)
    for forged in (token[:-2], f"{token}x", signing.dumps({"owner": ada.owner}, salt="other")):
        with pytest.raises(IdentityError):
            identity.read_session(forged)


def test_an_old_session_is_refused(ada: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    token = identity.issue_session(ada)
    later = time.time() + identity.SESSION_MAX_AGE + 1
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(IdentityError):
        identity.read_session(token)


def test_no_two_visitors_are_the_same() -> None:
    assert identity.new_visitor() != identity.new_visitor()
