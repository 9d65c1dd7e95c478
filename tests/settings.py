"""The settings of the tests: the real ones, in a folder of their own and without any key.

DATABASE_URL and REDIS_URL are kept: the same suite runs on PostgreSQL and Redis.
"""

import atexit
import os
import shutil
import tempfile

for name in list(os.environ):
    if name.startswith("SUPPORTBOT_") or name.endswith(("_API_KEY", "_BASE_URL")):
        del os.environ[name]
# Tests that run side by side (pytest -n) clear a Redis each: the numbers below the one that is named.
_side = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_redis = os.environ.get("REDIS_URL")
if _redis and _side:
    _server, _, _number = _redis.rpartition("/")
    os.environ["REDIS_URL"] = f"{_server}/{int(_number) - _side}"
os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="supportbot-tests-")
atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)
os.environ["SUPPORTBOT_DEMO"] = "true"
os.environ["SUPPORTBOT_IDENTITY_SECRET"] = "the-secret-that-the-test-shop-signs-with"
os.environ["SECRET_KEY"] = "what-the-tests-sign-their-sessions-with-and-nobody-else"
os.environ["SUPPORTBOT_HTTPS"] = "false"  # the test client speaks HTTP, on PostgreSQL too
os.environ.pop("DEBUG", None)

from supportbot.settings import *  # noqa: E402, F403
from supportbot.settings import DATA_DIR, DATABASES  # noqa: E402

# Threads must share the test database, which they cannot do in memory. Nothing of a test has to
# survive a crash, and a transactional test commits a lot.
DATABASES["default"].setdefault("TEST", {})
if "sqlite3" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["TEST"]["NAME"] = DATA_DIR / "test.sqlite3"
    DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"
else:
    DATABASES["default"]["ENGINE"] = "tests.postgresql"
    DATABASES["default"]["OPTIONS"]["options"] = "-c synchronous_commit=off"
    # A pool would keep sessions of the test database open when it has to be dropped. The tests of
    # whole processes have one.
    del DATABASES["default"]["OPTIONS"]["pool"]

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Tasks wait here until a test runs them, as they wait for a worker in production.
CELERY_BROKER_URL = "memory://"
CELERY_BROKER_TRANSPORT_OPTIONS = {}
# All tests come from one address; those of the limits set their own.
MESSAGES_PER_MINUTE = MESSAGES_PER_MINUTE_IP = SESSIONS_PER_MINUTE_IP = 0
SOCKETS_PER_IP = REQUESTS_PER_MINUTE_IP = 0
