"""Session tokens as somebody keeps them who should not have them."""

import time

from django.core import signing

from chat import identity
from chat.identity import Visitor


class _Late(signing.TimestampSigner):
    """Signs as it did when the session began."""

    def timestamp(self) -> str:
        return signing.b62_encode(int(time.time()) - identity.SESSION_MAX_AGE - 1)


def expired_session(visitor: Visitor) -> str:
    """A visitor's own token, a second too old."""
    payload = signing.loads(identity.issue_session(visitor), salt=identity.SESSION_SALT)
    return _Late(salt=identity.SESSION_SALT).sign_object(payload)
