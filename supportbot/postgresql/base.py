"""The database engine of production: Django's, but for how the pool finds its connections broken.

psycopg's pool looks at one connection at a time and waits longer after each that is broken: after a
restart of the server, when all of them are, the first request would wait for seconds.
"""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import OperationalError
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):
    """One connection, of the pool if there is one. Its setting CONN_HEALTH_CHECKS stays off: it is
    looked at here."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        found = super().get_new_connection(conn_params)
        if self.pool is None or _works(found):
            return found
        self.pool.putconn(found)  # which replaces it
        self.pool.check()  # those beside it broke with it
        return super().get_new_connection(conn_params)


def _works(connection: Any) -> bool:
    try:
        ConnectionPool.check_connection(connection)
    except OperationalError:
        return False
    return True
