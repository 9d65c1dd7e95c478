"""What every response tells the browser to refuse."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).parent.parent
PAGES = ("/", "/help/", "/help/?q=kettle", "/admin/login/", "/nowhere", "/api/session")


@pytest.mark.parametrize("page", PAGES)
def test_every_page_forbids_what_it_does_not_need(client: Client, page: str) -> None:
    response = client.get(page)
    policy = dict(
        directive.strip().partition(" ")[::2]
        for directive in response["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in response["Content-Security-Policy"]
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in response["Permissions-Policy"]


def test_without_https_a_browser_is_not_told_to_insist_on_it(client: Client) -> None:
    assert "Strict-Transport-Security" not in client.get("/help/")


class TestHttps:
    @pytest.fixture(autouse=True)
    def _production(self, settings: Settings) -> None:
        settings.SECURE_SSL_REDIRECT = settings.SESSION_COOKIE_SECURE = True
        settings.CSRF_COOKIE_SECURE = True
        settings.SECURE_HSTS_SECONDS = 31_536_000

    def test_http_is_sent_on(self, client: Client) -> None:
        response = client.get("/help/")
        assert (response.status_code, response["Location"]) == (301, "https://testserver/help/")

    def test_whoever_asks_at_the_servers_own_address_is_answered(self, client: Client) -> None:
        assert client.get("/metrics").status_code == 404  # off, and not 301

    def test_a_header_that_nobody_trusts_makes_no_https(self, client: Client) -> None:
        response = client.get("/help/", headers={"x-forwarded-proto": "https"})
        assert response.status_code == 301

    def test_the_proxys_word_is_taken_where_it_is_trusted(
        self, client: Client, settings: Settings
    ) -> None:
        settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        response = client.get("/help/", headers={"x-forwarded-proto": "https"})
        assert response.status_code == 200
        assert response["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
        login = client.get("/admin/login/", headers={"x-forwarded-proto": "https"})
        assert login.cookies["csrftoken"]["secure"]


class _Inline(HTMLParser):
    """Notes scripts and styles that stand in the page itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attributes}
        if tag == "style" or (tag == "script" and "src" not in names):
            self.found.append(tag)
        self.found += [name for name in names if name == "style" or name.startswith("on")]


def _inline(html: str) -> list[str]:
    parser = _Inline()
    parser.feed(re.sub(r"{%.*?%}", "", html, flags=re.DOTALL))
    return parser.found


@pytest.mark.parametrize(
    "template", sorted((ROOT / "templates").rglob("*.html")), ids=lambda path: path.name
)
def test_no_template_has_a_script_or_style_inside(template: Path) -> None:
    assert _inline(template.read_text("utf-8")) == []


def test_and_one_that_had_would_be_found() -> None:
    assert _inline('<p style="x" onclick="y"><style></style><script>z</script>') != []
