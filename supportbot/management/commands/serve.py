"""`manage.py serve`: the server with everything the embedded default needs."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from supportbot import server
from supportbot.demo import load


class Command(BaseCommand):
    help = "Serves the chat, the help centre and the admin; stops on Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.HOST, help="address to listen on")
        parser.add_argument("--port", type=int, default=settings.PORT, help="port to listen on")
        parser.add_argument(
            "--prepare", action="store_true", help="migrate, and load the demo on the first start"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["prepare"]:
            call_command("migrate", verbosity=0)
            if settings.DEMO:
                load.once(self.stdout)
        host, port = options["host"], options["port"]
        try:
            server.run(host=host, port=port, ready=lambda: self._greet(host, port))
        except server.PortTaken as error:
            hint = "Stop what uses it, or choose another: PORT=8001 make run"
            raise CommandError(f"{error} {hint}") from error

    def _greet(self, host: str, port: int) -> None:
        origin = f"http://{'localhost' if host in {'127.0.0.1', '0.0.0.0'} else host}:{port}"  # noqa: S104  # compared, not bound
        login = f" (log in as {load.STAFF_NAME} / {load.STAFF_PASSWORD})" if settings.DEMO else ""
        self.stdout.write(
            self.style.SUCCESS(
                f"Ready: chat {origin}/ · admin {origin}/admin/{login} · Ctrl-C stops"
            )
        )
        self.stdout.flush()
