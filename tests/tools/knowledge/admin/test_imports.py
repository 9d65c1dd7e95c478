"""Imports in the admin: started by a form, followed on a page, stopped and taken up again."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests.tools.knowledge.importing.support import zipped
from tools.knowledge.admin import import_form
from tools.knowledge.importing import runs, uploads
from tools.knowledge.importing.options import Options
from tools.knowledge.models import Article, Audience, ImportProblem, ImportRun, Status

pytestmark = pytest.mark.django_db

ADD = "/admin/knowledge/importrun/add/"
State = ImportRun.State


def page(name: str, run: ImportRun) -> str:
    return reverse(f"admin:knowledge_importrun_{name}", args=[run.pk])


def made(**values: Any) -> ImportRun:
    values = {"name": "help.zip", "kind": ImportRun.Kind.UPLOAD} | values
    return ImportRun.objects.create(**values)


@pytest.fixture
def watcher(client: Client) -> Client:
    """Somebody who may look at imports, and neither start nor stop them."""
    user = User.objects.create_user("watcher", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_importrun"))
    client.force_login(user)
    return client


# Starting ----------------------------------------------------------------------------------------


def test_uploaded_files_are_kept_and_imported_as_the_form_says(
    admin_client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    form = {
        "uploads": [
            SimpleUploadedFile("help.zip", zipped({"care/a.md": "# A\n\nx"})),
            SimpleUploadedFile("b.md", b"# B\n\nx"),
        ],
        "audience": "staff",
        "category": "Care",
        "tags": "cloth, new",
        "locale": "PT_br",
        "draft": "on",
    }
    with django_capture_on_commit_callbacks() as told:
        answer = admin_client.post(ADD, form)
    run = ImportRun.objects.get()
    assert answer["Location"] == page("change", run)
    assert (run.name, run.author) == ("help.zip, b.md", User.objects.get())
    assert len(told) == 1
    runs.work_on(run.pk)
    a, b = Article.objects.order_by("title")
    assert (a.audience, a.status, a.locale) == (Audience.STAFF, Status.DRAFT, "pt-br")
    assert (a.category, b.category) == ("Care", "Care")
    assert set(a.tags.values_list("name", flat=True)) == {"cloth", "new"}


def test_addresses_are_imported_each_once(admin_client: Client) -> None:
    lines = "https://a.example/x\r\n\r\n https://a.example/sitemap.xml \r\nhttps://a.example/x"
    admin_client.post(ADD, {"addresses": lines})
    run = ImportRun.objects.get()
    assert run.location == "https://a.example/x\nhttps://a.example/sitemap.xml"
    assert run.name == "https://a.example/x (+ 1)"


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({}, "Choose files or write addresses"),
        ({"addresses": "ftp://a.example"}, "does not begin with https://"),
        ({"addresses": "\n".join(f"https://a.example/{n}" for n in range(1001))}, "At most 1000"),
        ({"uploads": [SimpleUploadedFile("a.exe", b"x")]}, "a.exe is of a kind that is not read"),
        ({"uploads": [SimpleUploadedFile("a.md", b"")]}, "The submitted file is empty"),
        ({"addresses": "https://a.example", "locale": "klingon!"}, "no language such as en"),
        ({"addresses": "https://a.example", "audience": "nobody"}, "not one of the available"),
        ({"addresses": "https://a.example", "tags": "x" * 51}, "at most 50"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_imported_is_told_in_the_form(
    admin_client: Client, form: dict[str, Any], told: str
) -> None:
    answer = admin_client.post(ADD, form)
    assert answer.status_code == 200
    assert told in answer.content.decode()
    assert not ImportRun.objects.exists()


def test_uploads_have_a_limit(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_form, "LARGEST_UPLOAD", 1_000_000)
    file = SimpleUploadedFile("a.md", b"x" * 1_000_001)
    assert b"At most 1 MB together." in admin_client.post(ADD, {"uploads": file}).content


# Following ---------------------------------------------------------------------------------------


def test_the_page_tells_how_far_it_is_also_without_a_script(admin_client: Client) -> None:
    run = made(state=State.RUNNING, done=3, total=9, added=2, failed=1)
    ImportProblem.objects.create(run=run, place="<b>a.md", reason="is empty")
    told = admin_client.get(page("change", run)).content.decode()
    assert '<progress aria-labelledby="progress-title" max="9" value="3"' in told
    assert "3 of 9" in told
    assert "&lt;b&gt;a.md" in told
    assert 'role="status" aria-live="polite"' in told
    assert "import-progress.js" in told


def test_progress_is_json_with_the_problems_since_the_last_one(admin_client: Client) -> None:
    run = made(state=State.RUNNING, done=3, total=9)
    first, second = (ImportProblem.objects.create(run=run, place=p, reason="x") for p in "ab")
    answer = admin_client.get(page("progress", run), {"after": str(first.pk)})
    told = answer.json()
    assert (told["state"], told["going"], told["total"]) == ("running", True, 9)
    assert (told["counts"]["done"], told["problems"]) == (3, [[second.pk, "b", "x"]])
    assert "no-cache" in answer["Cache-Control"]
    assert len(admin_client.get(page("progress", run), {"after": "x"}).json()["problems"]) == 2


def test_an_import_that_failed_says_why(admin_client: Client) -> None:
    run = made(state=State.FAILED, error="is no zip file")
    told = admin_client.get(page("change", run)).content.decode()
    assert "is no zip file" in told
    assert "import-progress.js" not in told


def test_the_list_and_pages_that_are_not_there(admin_client: Client) -> None:
    made()
    assert b"help.zip" in admin_client.get("/admin/knowledge/importrun/").content
    for name in ("change", "progress"):
        assert admin_client.get(page(name, ImportRun(pk=uuid4()))).status_code == 404


# Stopping, going on, deleting --------------------------------------------------------------------


def test_an_import_is_stopped_and_goes_on(
    admin_client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    run = made(state=State.RUNNING)
    assert admin_client.get(page("cancel", run)).status_code == 405
    admin_client.post(page("cancel", run))
    run.refresh_from_db()
    assert run.state == State.CANCELLED
    assert admin_client.get(page("resume", run)).status_code == 405
    with django_capture_on_commit_callbacks() as told:
        admin_client.post(page("resume", run))
    run.refresh_from_db()
    assert (run.state, len(told)) == (State.QUEUED, 1)


@pytest.mark.parametrize("all_at_once", [False, True])
def test_a_report_is_deleted_with_its_files_and_the_articles_stay(
    admin_client: Client, all_at_once: bool, django_capture_on_commit_callbacks: Any
) -> None:
    run = runs.of_uploads([SimpleUploadedFile("a.md", b"# A\n\nx")], Options())
    Article.objects.create(title="A", source="a.md", slug="a", body="x")
    with django_capture_on_commit_callbacks(execute=True):
        if all_at_once:
            form = {"action": "delete_selected", "_selected_action": str(run.pk), "post": "yes"}
            admin_client.post("/admin/knowledge/importrun/", form)
        else:
            admin_client.post(page("delete", run), {"post": "yes"})
    assert not ImportRun.objects.exists()
    assert uploads.names(run.pk) == []
    assert Article.objects.exists()


def test_whoever_may_only_look_neither_starts_nor_stops(watcher: Client) -> None:
    run = made(state=State.RUNNING)
    assert watcher.get(page("change", run)).status_code == 200
    assert watcher.get(page("progress", run)).status_code == 200
    assert watcher.get(ADD).status_code == 403
    for name in ("cancel", "resume"):
        assert watcher.post(page(name, run)).status_code == 403
    run.refresh_from_db()
    assert run.state == State.RUNNING


def test_strangers_are_sent_to_the_login(client: Client) -> None:
    run = made()
    for name in ("change", "progress"):
        assert "/login/" in client.get(page(name, run))["Location"]
