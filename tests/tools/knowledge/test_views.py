"""The public help centre: what everybody reads, and nothing that is not published."""

from typing import Any

import pytest
from django.test import Client

from tests.tools.knowledge.support import write
from tools.knowledge import articles
from tools.knowledge.models import Article
from tools.knowledge.views import BY_CATEGORY, LONGEST_QUERY, PER_PAGE, RELATED

pytestmark = pytest.mark.django_db


def page(client: Client, path: str, **query: str) -> str:
    response = client.get(path, query)
    assert response.status_code == 200
    return response.content.decode()


def context(client: Client, path: str, **query: str) -> Any:
    return client.get(path, query).context


# The index ---------------------------------------------------------------------------------------


def test_an_empty_help_centre_says_so(client: Client) -> None:
    assert "There are no articles yet." in page(client, "/help/")


def test_articles_are_listed_by_category_and_title(client: Client) -> None:
    for title, category in (("Z", "Care"), ("Other", ""), ("A", "Care"), ("B", "About us")):
        write(title, f"About {title}.", category=category)
    listed = context(client, "/help/")["categories"]
    assert [(c["name"], [a["title"] for a in c["articles"]]) for c in listed] == [
        ("About us", ["B"]),
        ("Care", ["A", "Z"]),
        ("More", ["Other"]),
    ]
    html = page(client, "/help/")
    assert '<a href="/help/other/">Other</a>' in html
    assert "About Other." in html


def test_drafts_are_neither_listed_nor_found(client: Client) -> None:
    write("Secret plans", category="Secret category", draft=True)
    assert "Secret" not in page(client, "/help/")
    assert "Nothing found for “plans”" in page(client, "/help/", q="plans")


def test_the_list_takes_as_many_queries_for_forty_articles_as_for_one(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    articles.save_all([Article(title=f"Article {n}", body="Text.") for n in range(40)])
    with django_assert_max_num_queries(3):
        client.get("/help/")


def test_a_large_help_centre_is_leafed_through(client: Client) -> None:
    many = [Article(title=f"Article {n:03}", body="Text.") for n in range(BY_CATEGORY + 1)]
    articles.save_all(many)
    first, last = context(client, "/help/"), context(client, "/help/", page="5")
    (category,) = first["categories"]
    assert category["name"] == "All articles"
    assert [a["title"] for a in category["articles"]] == [a.title for a in many[:PER_PAGE]]
    assert [a["title"] for a in last["categories"][0]["articles"]] == [many[-1].title]
    html = page(client, "/help/", page="2")
    assert 'rel="prev" href="?page=1"' in html
    assert 'rel="next" href="?page=3"' in html
    for odd in ("0", "-1", "999", "x", "\0"):
        assert client.get("/help/", {"page": odd}).status_code == 200


# Searching ---------------------------------------------------------------------------------------


def test_a_search_shows_what_it_found_with_a_line_of_it(client: Client) -> None:
    write("Kettles", "Boil water.\n\n## Descaling\n\nUse vinegar.\n\nThen rinse.")
    write("Pans", "Fry.")
    html = page(client, "/help/", q="descaling")
    assert 'href="/help/kettles/#descaling"' in html
    assert "Use vinegar. Then rinse." in html
    assert "/help/pans/" not in html


@pytest.mark.parametrize("query", ["", "   ", "\0"])
def test_a_search_for_nothing_is_the_index(client: Client, query: str) -> None:
    write("Kettles")
    assert "How can we help?" in page(client, "/help/", q=query)


def test_a_query_that_is_too_long_is_cut(client: Client) -> None:
    write("Kettles")
    shown = context(client, "/help/", q="kettle " * 2000)
    assert len(shown["query"]) == LONGEST_QUERY
    assert [result["title"] for result in shown["results"]] == ["Kettles"]


@pytest.mark.parametrize("query", ["ket\0tle", "%zz", "?!…", "\U0010ffff", "title:* AND ("])
def test_any_query_is_answered(client: Client, query: str) -> None:
    write("Kettles")
    assert client.get("/help/", {"q": query}).status_code == 200
    assert client.get("/help/?q=kettle%ff%ed%a0%80&page=%ff").status_code == 200


def test_what_somebody_typed_is_shown_as_text(client: Client) -> None:
    write("Kettles <i>and</i> co", "Boil <your water>.", category="<u>Care</u>")
    html = page(client, "/help/", q="\"><script>alert('kettles')</script>")
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html
    for path in ("/help/", "/help/kettles-iandi-co/"):
        html += page(client, path)
    assert "<i>" not in html
    assert "<u>" not in html
    assert "Boil &lt;your water&gt;." in html


# An article --------------------------------------------------------------------------------------


def test_an_article_has_its_title_category_contents_and_text(client: Client) -> None:
    write("Kettles", "Boil **water**.\n\n## Care & co\n\nRinse.", category="Kitchen")
    html = page(client, "/help/kettles/")
    assert "<h1>Kettles</h1>" in html
    assert "Kitchen" in html
    assert "<strong>water</strong>" in html
    assert '<h2 id="care--co">Care &amp; co</h2>' in html
    assert '<a href="#care--co">Care &amp; co</a>' in html


def test_a_draft_has_no_page(client: Client) -> None:
    article = write("Kettles", draft=True)
    assert client.get("/help/kettles/").status_code == 404
    articles.publish([article.pk])
    assert client.get("/help/kettles/").status_code == 200
    articles.unpublish([article.pk])
    assert client.get("/help/kettles/").status_code == 404


@pytest.mark.parametrize("slug", ["nowhere", "%00", "%ff", "..%2f", "x" * 3000, "KETTLES"])
def test_there_is_no_page_of_what_is_not_there(client: Client, slug: str) -> None:
    write("Kettles")
    assert client.get(f"/help/{slug}/").status_code == 404


def test_titles_in_other_scripts_have_pages(client: Client) -> None:
    article = write("返品について", "三十日以内です。")
    assert "三十日以内です。" in page(client, article.get_absolute_url())
    assert article.get_absolute_url() in page(client, "/help/")


def test_related_articles_are_others_that_are_like_it(client: Client) -> None:
    write("Enamel kettles", "## A\n\nKettles.\n\n## B\n\nMore kettles.")
    for number in range(RELATED + 2):
        write(f"Kettle number {number}", "Kettles.\n\n## More\n\nKettles again.")
    write("Secret kettles", draft=True)
    write("Opening hours", "We open at ten.")
    related = context(client, "/help/enamel-kettles/")["related"]
    assert len({entry["url"] for entry in related}) == len(related) == RELATED
    assert all(entry["title"].startswith("Kettle number") for entry in related)
    assert all("#" not in entry["url"] for entry in related)


@pytest.mark.parametrize("path", ["/help/", "/help/kettles/"])
def test_pages_are_only_read(client: Client, path: str) -> None:
    write("Kettles")
    assert client.head(path).status_code == 200
    assert client.post(path, {"q": "x"}).status_code == 405
