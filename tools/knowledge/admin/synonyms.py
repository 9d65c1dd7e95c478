"""Synonyms in the admin: what this shop's customers call the things that articles call otherwise."""

import re
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tools.knowledge import synonyms
from tools.knowledge.models import Synonyms

_LOCALE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})?\Z")

_REASONS = {
    "few": _("Write two words or phrases at least, with a comma between them."),
    "many": _("Write %(most)s words or phrases at most."),
    "empty": _("Search does not look for such common words: %(words)s."),
}


class SynonymsForm(forms.ModelForm[Synonyms]):
    class Meta:
        model = Synonyms
        fields = ("words", "locale")
        widgets: ClassVar[Any] = {"words": forms.Textarea(attrs={"rows": 3})}

    def clean_locale(self) -> str:
        """Brings a language to the form in which articles name theirs."""
        locale = str(self.cleaned_data["locale"]).strip().replace("_", "-").lower()
        if locale and not _LOCALE.match(locale):
            raise forms.ValidationError(_("Write a language such as en or pt-br."))
        return locale

    def clean(self) -> dict[str, Any]:
        """Says what search could not use, and writes the words alike whoever typed them."""
        data: dict[str, Any] = super().clean() or {}
        if "words" in data:
            try:
                phrases = synonyms.check(data["words"], data.get("locale", ""))
            except synonyms.BadGroup as error:
                parts = {"most": synonyms.MOST, "words": ", ".join(error.words)}
                self.add_error("words", forms.ValidationError(_REASONS[error.reason] % parts))
            else:
                data["words"] = ", ".join(phrases)
        return data


@admin.register(Synonyms)
class SynonymsAdmin(admin.ModelAdmin[Synonyms]):
    form = SynonymsForm
    list_display = ("words", "locale", "updated_at")
    list_filter = ("locale",)
    search_fields = ("words",)

    def save_model(
        self, request: HttpRequest, obj: Synonyms, form: forms.ModelForm[Synonyms], change: bool
    ) -> None:
        synonyms.save(obj)

    def delete_model(self, request: HttpRequest, obj: Synonyms) -> None:
        synonyms.delete([obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Synonyms]) -> None:
        synonyms.delete(queryset.values_list("pk", flat=True))
