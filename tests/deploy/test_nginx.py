"""nginx's one configuration, as the container has it and on loopback: that nginx takes it, and which
headers the server gets to see."""

import json
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import trustme
from httpx2 import Client

from deploy import nginx
from deploy.processes import Process, Reaper, free_ports
from supportbot.sockets import PING_INTERVAL, PING_TIMEOUT
from tests.deploy.composed import read
from tools.knowledge.admin.import_form import LARGEST_UPLOAD

pytestmark = [
    pytest.mark.any_storage,
    pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed"),
]

FORGED = {
    "X-Forwarded-For": "198.51.100.1, 198.51.100.2",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Host": "evil.example",
    "Forwarded": "for=198.51.100.3;host=evil.example",
    "Authorization": "Bearer the-token",
}


class Echo(BaseHTTPRequestHandler):
    """Answers with the headers that it got."""

    def do_GET(self) -> None:
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that echoes."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@contextmanager
def started(configuration: str, port: int, folder: Path) -> Iterator[None]:
    """nginx, listening."""
    written = folder / "nginx.conf"
    written.write_text(configuration, "utf-8")
    command = ["nginx", "-c", str(written), "-e", "stderr", "-g", "daemon off;"]
    reaper = Reaper()
    process = Process("nginx", command, folder=folder, reaper=reaper, port=port)
    process.start()
    process.wait_until_ready()
    yield
    process.stop()
    reaper.close()


@pytest.fixture
def client(echo: int, tmp_path: Path) -> Iterator[Client]:
    """Asks the server that echoes, through nginx."""
    (port,) = free_ports(1)
    with (
        started(nginx.for_loopback(port, [echo], tmp_path), port, tmp_path),
        Client(base_url=f"http://127.0.0.1:{port}") as opened,
    ):
        yield opened


@pytest.mark.parametrize("path", ["/", "/ws/chat/", "/admin/", "/readyz", "/static/of-an-app.css"])
def test_the_server_sees_who_came_and_not_what_they_claim(client: Client, path: str) -> None:
    seen = client.get(path, headers=FORGED).json()
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-forwarded-proto"] == "http"
    assert "x-forwarded-host" not in seen
    assert "forwarded" not in seen
    assert seen["host"] == f"127.0.0.1:{client.base_url.port}"


def test_a_socket_is_upgraded_and_a_page_keeps_its_connection(client: Client) -> None:
    asked = {"Upgrade": "websocket", "Connection": "Upgrade"}
    socket = client.get("/ws/chat/", headers=asked).json()
    assert (socket["upgrade"], socket["connection"]) == ("websocket", "upgrade")
    page = client.get("/").json()
    assert "upgrade" not in page
    assert page.get("connection", "") == ""


def test_a_token_for_reasons_gets_no_further_than_nginx(client: Client) -> None:
    assert "authorization" not in client.get("/readyz", headers=FORGED).json()
    assert client.get("/", headers=FORGED).json()["authorization"] == "Bearer the-token"
    assert client.get("/metrics", headers=FORGED).status_code == 404


def test_staff_may_upload_what_the_form_takes() -> None:
    limits = re.findall(r"client_max_body_size (\d+)m;", nginx.TEMPLATE.read_text("utf-8"))
    assert [int(limit) * 1024 * 1024 >= LARGEST_UPLOAD for limit in limits] == [True]


def test_a_quiet_chat_is_the_servers_to_give_up() -> None:
    socket = nginx.TEMPLATE.read_text("utf-8").partition("location /ws/ {")[2].partition("}")[0]
    patience = [int(limit) for limit in re.findall(r"proxy_(?:read|send)_timeout (\d+)s;", socket)]
    assert len(patience) == 2
    assert min(patience) > PING_INTERVAL + PING_TIMEOUT


# As the containers have it -----------------------------------------------------------------------


def values(folder: Path, *files: str) -> dict[str, str]:
    """What the compose files give nginx, with the defaults of their variables and paths of a test."""
    given: dict[str, str] = {}
    for file in files:
        given |= read(file)["services"]["proxy"]["environment"]
    filled = {
        name: re.sub(r"\$\{\w+:?-(.*?)\}", r"\1", value).replace("$$", "$")
        for name, value in given.items()
    }
    # The resolver of Docker and what asks it: of newer versions of nginx than Debian has.
    filled["NGINX_SERVERS"] = filled["NGINX_SERVERS"].replace("web:8000 resolve", "127.0.0.1:8000")
    filled["NGINX_LISTEN"] = filled["NGINX_LISTEN"].replace("/run/secrets", str(folder))
    return filled | {"NGINX_FOLDER": str(folder), "NGINX_STATIC": str(folder)}


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    """Who has issued the certificate in the folder."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "certificate")
    issued.private_key_pem.write_to_path(tmp_path / "key")
    return authority


@pytest.mark.parametrize("files", [[], ["deploy/tls.yml"]], ids=["plain", "tls"])
def test_nginx_takes_the_configuration_of_the_containers(
    tmp_path: Path, authority: trustme.CA, files: list[str]
) -> None:
    configuration = tmp_path / "nginx.conf"
    filled = values(tmp_path, "docker-compose.yml", *files)
    configuration.write_text(nginx.rendered(filled), "utf-8")
    done = subprocess.run(
        ["nginx", "-t", "-e", "stderr", "-c", str(configuration)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


def test_with_a_certificate_the_server_hears_who_came_by_it(
    tmp_path: Path, authority: trustme.CA, echo: int
) -> None:
    plain, secure = free_ports(2)
    filled = values(tmp_path, "docker-compose.yml", "deploy/tls.yml")
    listening = filled["NGINX_LISTEN"].replace("8080", str(plain)).replace("8443", str(secure))
    filled["NGINX_LISTEN"] = listening
    filled["NGINX_SERVERS"] = filled["NGINX_SERVERS"].replace("8000", str(echo))
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with started(nginx.rendered(filled), secure, tmp_path), Client(verify=trusting) as client:
        heard = [
            client.get(f"{address}/", headers=FORGED).json()["x-forwarded-proto"]
            for address in (f"http://127.0.0.1:{plain}", f"https://127.0.0.1:{secure}")
        ]
    assert heard == ["http", "https"]
