"""What both servers allow a WebSocket, and how they close it."""

MAX_FRAME = 64 * 1024
"""Bytes of one WebSocket message: sixteen times the longest customer message."""

PING_INTERVAL = 20
"""Seconds of silence until a client is pinged: routers and proxies drop a connection that is silent
for a minute."""

PING_TIMEOUT = 30
"""Seconds for its pong. A client that vanished is noticed 50 s after its last word at the latest."""

RESTARTED = 1012
"""The close code of a server that goes (IANA's registry of close codes: service restart)."""
