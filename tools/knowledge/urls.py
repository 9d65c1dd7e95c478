"""The help centre's routes."""

from django.contrib.sitemaps.views import index as sitemap_index
from django.contrib.sitemaps.views import sitemap
from django.urls import path

from chat.limits import as_page, limited
from tools.knowledge import views
from tools.knowledge.sitemaps import SITEMAPS

app_name = "help"
_sitemap = limited("help", as_page)(sitemap)
_sitemap_index = limited("help", as_page)(sitemap_index)
_of_sections = {"sitemaps": SITEMAPS}

urlpatterns = [
    path("", views.index, name="index"),
    path(
        "sitemap.xml",
        _sitemap_index,
        _of_sections | {"sitemap_url_name": "help:sitemap"},
        name="sitemap-index",
    ),
    path("sitemap-<slug:section>.xml", _sitemap, _of_sections, name="sitemap"),
    path("language/<slug:code>/", views.language, name="language"),
    # Not <slug:>: the slugs of titles in other scripts keep their letters.
    path("category/<str:slug>/", views.category, name="category"),
    path("<str:slug>/", views.article, name="article"),
]
