"""The HTTP routes."""

from django.contrib import admin
from django.urls import include, path

from chat.views import session
from supportbot.metrics import metrics
from supportbot.views import home
from tools.knowledge.views import robots

urlpatterns = [
    path("", home, name="home"),
    path("help/", include("tools.knowledge.urls")),
    path("robots.txt", robots, name="robots"),
    path("api/session", session, name="session"),
    path("metrics", metrics, name="metrics"),
    path("admin/", admin.site.urls),
]
