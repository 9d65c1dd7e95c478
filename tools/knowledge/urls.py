"""The help centre's routes."""

from django.urls import path

from tools.knowledge import views

app_name = "help"
urlpatterns = [
    path("", views.index, name="index"),
    # Not <slug:>: the slugs of titles in other scripts keep their letters.
    path("<str:slug>/", views.article, name="article"),
]
