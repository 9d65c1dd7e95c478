"""The public help centre: what everybody reads, and nothing that is not published."""

import re
from html import unescape
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
    assert [(c.name, [entry.title for entry in c.entries]) for c in listed] == [
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
    assert [entry.title for entry in first["entries"]] == [a.title for a in many[:PER_PAGE]]
    assert [entry.title for entry in last["entries"]] == [many[-1].title]
    html = page(client, "/help/", page="2")
    assert 'rel="prev" href="?page=1"' in html
    assert 'rel="next" href="?page=3"' in html
    for odd in ("0", "-1", "999", "x", "\0"):
        assert client.get("/help/", {"page": odd}).status_code == 200


def test_a_large_help_centre_shows_its_categories_with_their_sizes(client: Client) -> None:
    names = ["Care"] * BY_CATEGORY + ["Delivery & returns", ""]
    articles.save_all([Article(title="A", body="Text.", category=name) for name in names])
    overview = context(client, "/help/")["overview"]
    assert [(c.name, c.url, c.size) for c in overview] == [
        ("Care", "/help/category/care/", BY_CATEGORY),
        ("Delivery & returns", "/help/category/delivery-returns/", 1),
        ("More", "/help/category/-/", 1),
    ]
    html = page(client, "/help/")
    assert '<a href="/help/category/delivery-returns/">Delivery &amp; returns</a>' in html
    assert "200 articles" in html
    assert "1 article<" in html


# Categories --------------------------------------------------------------------------------------


def test_a_category_has_a_page_of_its_articles(client: Client) -> None:
    write("Kettles", "Boil.", category="Care & repair")
    write("Opening hours", category="Shop")
    html = page(client, "/help/category/care-repair/")
    assert "<h1>Care &amp; repair</h1>" in html
    assert '<a href="/help/kettles/">Kettles</a>' in html
    assert "Opening hours" not in html
    for path in ("/help/", "/help/kettles/"):
        assert '<a href="/help/category/care-repair/">Care &amp; repair</a>' in page(client, path)


def test_what_has_no_category_is_reached_too(client: Client) -> None:
    write("Kettles")
    write("Pans", category="Care")
    assert '<a href="/help/category/-/">More</a>' in page(client, "/help/")
    html = page(client, "/help/category/-/")
    assert "<h1>More</h1>" in html
    assert "Kettles" in html
    assert "Pans" not in html
    assert "category/-" not in page(client, "/help/kettles/")


def test_a_large_category_is_leafed_through(client: Client) -> None:
    many = [Article(title=f"A {n:03}", body="T.", category="Care") for n in range(PER_PAGE + 1)]
    articles.save_all(many)
    html = page(client, "/help/category/care/", page="2")
    assert many[-1].title in html
    assert many[0].title not in html
    assert 'rel="prev" href="?page=1"' in html


def test_categories_whose_names_make_one_address_share_a_page(client: Client) -> None:
    write("Pointers", category="C++")
    write("Delegates", category="C#")
    html = page(client, "/help/category/c/")
    assert "<h1>C# · C++</h1>" in html
    assert "Pointers" in html
    assert "Delegates" in html


def test_categories_in_other_scripts_and_of_signs_have_pages(client: Client) -> None:
    write("A", category="返品")
    write("B", category="???")
    assert client.get("/help/category/返品/").status_code == 200
    assert client.get("/help/category/category/").status_code == 200


@pytest.mark.parametrize("slug", ["nowhere", "secret", "%00", "%ff"])
def test_there_is_no_page_of_a_category_without_public_articles(client: Client, slug: str) -> None:
    write("Plans", category="Secret", draft=True)
    write("Prices", category="Secret", audience="customers")
    assert client.get(f"/help/category/{slug}/").status_code == 404


# Languages ---------------------------------------------------------------------------------------


@pytest.fixture
def three_languages() -> None:
    write("Kettles", locale="en")
    write("Wasserkocher", locale="de")
    write("Wasserkocher in Wien", locale="de-at")
    write("قهوة", locale="ar")
    write("Bouilloires", locale="fr", draft=True)


def test_a_language_has_a_page_of_its_articles(client: Client, three_languages: None) -> None:
    html = page(client, "/help/language/de/")
    assert '<html lang="de">' in html
    assert "Wasserkocher in Wien" in html
    assert "Kettles" not in html
    assert '<li dir="auto" lang="de-at">' in html
    assert '<header class="top" lang="en"' in html, "the words around it are not German"


def test_each_page_of_the_lists_names_the_others(client: Client, three_languages: None) -> None:
    for path in ("/help/", "/help/language/ar/"):
        html = page(client, path)
        for code, address in (("x-default", ""), ("de", "language/de/"), ("ar", "language/ar/")):
            link = (
                f'<link rel="alternate" hreflang="{code}" href="http://testserver/help/{address}">'
            )
            assert link in html
        assert 'hreflang="fr"' not in html, "of which there is nothing to read yet"
        assert ">Deutsch</a>" in html


def test_a_help_centre_in_one_language_does_not_speak_of_languages(client: Client) -> None:
    write("Kettles")
    html = page(client, "/help/")
    assert "hreflang" not in html
    assert "All languages" not in html


@pytest.mark.parametrize("code", ["fr", "xx", "de-at"])
def test_there_is_no_page_of_a_language_without_articles(
    client: Client, three_languages: None, code: str
) -> None:
    assert client.get(f"/help/language/{code}/").status_code == 404


def test_articles_from_before_languages_were_told_are_in_the_sites_own(client: Client) -> None:
    write("Kettles")
    Article.objects.update(locale="")
    assert "Kettles" in page(client, "/help/language/en/")
    assert '<html lang="en">' in page(client, "/help/kettles/")


@pytest.mark.parametrize(
    ("locale", "expected"),
    [("pt-br", '<html lang="pt-br">'), ("ar", '<html lang="ar" dir="rtl">'), ("xx", 'lang="xx">')],
)
def test_an_article_is_marked_with_its_language(client: Client, locale: str, expected: str) -> None:
    write("Kettles", locale=locale)
    html = page(client, "/help/kettles/")
    assert expected in html
    assert f'hreflang="{locale}" href="http://testserver/help/kettles/"' in html


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


@pytest.mark.parametrize(
    "values", [{"status": "archived"}, {"audience": "customers"}, {"audience": "staff"}]
)
def test_what_is_not_for_everybody_has_no_page(client: Client, values: dict[str, str]) -> None:
    article = write("Kettles")
    Article.objects.update(**values)
    assert client.get(article.get_absolute_url()).status_code == 404
    assert "Kettles" not in page(client, "/help/")


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


# Search engines ----------------------------------------------------------------------------------


def test_a_page_has_one_address_whatever_a_link_to_it_carries(client: Client) -> None:
    write("Kettles", category="Care")
    for path in ("/help/", "/help/kettles/", "/help/category/care/"):
        html = page(client, path, utm_source="mail", page="x")
        assert f'<link rel="canonical" href="http://testserver{path}">' in html


def test_a_further_page_of_a_list_has_its_own_address(client: Client) -> None:
    articles.save_all([Article(title="A", body="T.", category="Care") for _ in range(PER_PAGE + 1)])
    canonical = '<link rel="canonical" href="http://testserver/help/category/care/?page=2">'
    assert canonical in page(client, "/help/category/care/", page="2")


def test_results_are_not_for_search_engines(client: Client) -> None:
    write("Kettles")
    assert '<meta name="robots" content="noindex">' in page(client, "/help/", q="kettles")
    assert "noindex" not in page(client, "/help/")


def test_an_article_is_described_by_how_it_begins(client: Client) -> None:
    write("Kettles", 'Boil *water* & "wait".\n\n## Care\n\nRinse.')
    html = page(client, "/help/kettles/")
    assert (
        '<meta name="description" content="Boil water &amp; &quot;wait&quot;. Care Rinse.">' in html
    )


def addresses(client: Client, path: str) -> list[str]:
    """The paths that a sitemap names."""
    found = re.findall(r"<loc>http://testserver(.*?)</loc>", page(client, path))
    return [unescape(address) for address in found]


def test_the_sitemap_leads_to_all_that_is_public(client: Client, three_languages: None) -> None:
    write("Prices", category="For customers", audience="customers")
    write("Handbook", audience="staff")
    write("Descaling", category="Care")
    sections = addresses(client, "/help/sitemap.xml")
    assert sections == ["/help/sitemap-articles.xml", "/help/sitemap-lists.xml"]
    assert addresses(client, sections[0]) == [
        "/help/kettles/",
        "/help/wasserkocher/",
        "/help/wasserkocher-in-wien/",
        "/help/%D9%82%D9%87%D9%88%D8%A9/",
        "/help/descaling/",
    ]
    assert addresses(client, sections[1]) == [
        "/help/",
        "/help/category/care/",
        "/help/category/-/",
        "/help/language/de/",
        "/help/language/en/",
        "/help/language/ar/",
    ]
    for address in addresses(client, sections[0]) + addresses(client, sections[1]):
        assert client.get(address).status_code == 200


def test_the_sitemap_tells_when_an_article_changed(client: Client) -> None:
    article = write("Kettles")
    assert f"<lastmod>{article.updated_at:%Y-%m-%d}</lastmod>" in page(
        client, "/help/sitemap-articles.xml"
    )


def test_crawlers_are_told_what_to_leave_alone_and_where_the_sitemap_is(client: Client) -> None:
    response = client.get("/robots.txt")
    assert response.headers["Content-Type"].startswith("text/plain")
    lines = response.content.decode().splitlines()
    assert "Disallow: /admin/" in lines
    assert "Sitemap: http://testserver/help/sitemap.xml" in lines


@pytest.mark.parametrize(
    "path",
    ["/help/", "/help/kettles/", "/help/category/care/", "/help/language/en/", "/robots.txt"],
)
def test_pages_are_only_read(client: Client, path: str) -> None:
    write("Kettles", category="Care")
    assert client.head(path).status_code == 200
    assert client.post(path, {"q": "x"}).status_code == 405
