"""What the help centre tells search engines that it has: public articles and the lists of them."""

from datetime import datetime

from django.contrib.sitemaps import Sitemap
from django.db.models import QuerySet
from django.urls import reverse

from tools.knowledge import catalogue, pages
from tools.knowledge.models import Article


class ArticleSitemap(Sitemap[Article]):
    """The public articles."""

    def items(self) -> QuerySet[Article]:
        """In one order, so that no article is on two pages of the sitemap or on none."""
        return pages.published().only("slug", "updated_at").order_by("pk")

    def lastmod(self, item: Article) -> datetime:
        """The day of its last change of content."""
        return item.updated_at


class ListSitemap(Sitemap[str]):
    """The index, the categories and, where there are several, the languages."""

    def items(self) -> list[str]:
        """Paths."""
        categories = catalogue.overview(pages.published())
        languages = catalogue.all_languages()
        return [
            reverse("help:index"),
            *dict.fromkeys(category.url for category in categories),
            *(language.url for language in languages if len(languages) > 1),
        ]

    def location(self, item: str) -> str:
        """An item is its path."""
        return item


SITEMAPS = {"articles": ArticleSitemap, "lists": ListSitemap}
