"""The form that starts an import."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.files import File
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from pydantic import ValidationError as Invalid

from tools.knowledge.importing.formats import SUFFIXES, suffix
from tools.knowledge.importing.item import reason
from tools.knowledge.importing.options import Options
from tools.knowledge.models import Audience

ACCEPTED = sorted({*SUFFIXES, ".zip", ".txt"})

LARGEST_UPLOAD = 200_000_000
"""Bytes of all files together. They are written to a disk while they come, and read from it."""

MOST_FILES = 100
"""Files of one upload. Django itself refuses more parts of a form; a zip holds any number."""

MOST_ADDRESSES = 1000
"""Addresses of one import: what somebody pastes. A sitemap lists more."""


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files; none where it is not required."""

    def clean(self, data: Any, initial: Any = None) -> Any:
        one = super().clean
        return [one(file, initial) for file in data] if data else []


class ImportForm(forms.Form):
    """Files or addresses, and what is true of all that is in them."""

    uploads = FilesField(
        label=_("Files"),
        required=False,
        widget=FilesInput(attrs={"accept": ",".join(ACCEPTED), "multiple": True}),
        help_text=_(
            "Markdown, HTML, PDF and DOCX, CSV or JSONL with questions and answers, or a zip of "
            "these. 50 MB a file."
        ),
    )
    addresses = forms.CharField(
        label=_("Addresses"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField", "spellcheck": "false"}),
        help_text=_("Pages, or sitemaps that end in .xml; one a line."),
    )
    locale = forms.CharField(
        label=_("Language"),
        required=False,
        max_length=10,
        help_text=_("Such as en or pt-br. Left empty, it is told from each text."),
    )
    audience = forms.ChoiceField(
        label=_("Audience"),
        required=False,
        choices=[("", _("as the files say, else everybody")), *Audience.choices],
    )
    category = forms.CharField(
        label=_("Category"),
        required=False,
        max_length=100,
        help_text=_("For articles that name none, and lie in no folder."),
    )
    tags = forms.CharField(label=_("Tags"), required=False, help_text=_("Separated by commas."))
    draft = forms.BooleanField(
        label=_("Add new articles as drafts"),
        required=False,
        help_text=_("Nobody but staff reads them until they are published."),
    )

    fieldsets: ClassVar[Any] = [
        (_("What to import"), ["uploads", "addresses"]),
        (_("For all articles of it"), ["locale", "audience", "category", "tags", "draft"]),
    ]

    def sections(self) -> list[tuple[Any, list[Any]]]:
        """The fields in the groups that the page shows."""
        return [(name, [self[field] for field in fields]) for name, fields in self.fieldsets]

    def clean_uploads(self) -> Sequence[File[bytes]]:
        files: Sequence[File[bytes]] = self.cleaned_data["uploads"]
        other = [str(file.name) for file in files if suffix(file.name or "") not in ACCEPTED]
        if other:
            kinds = {"name": other[0], "kinds": " ".join(ACCEPTED)}
            raise ValidationError(
                _("%(name)s is of a kind that is not read. These are: %(kinds)s.") % kinds
            )
        if len(files) > MOST_FILES:
            told = ngettext("At most %d file.", "At most %d files: zip them.", MOST_FILES)
            raise ValidationError(told % MOST_FILES)
        if sum(file.size for file in files) > LARGEST_UPLOAD:
            raise ValidationError(_("At most %d MB together.") % (LARGEST_UPLOAD // 1_000_000))
        return files

    def clean_addresses(self) -> list[str]:
        lines = self.cleaned_data["addresses"].splitlines()
        addresses = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
        if len(addresses) > MOST_ADDRESSES:
            raise ValidationError(_("At most %d addresses.") % MOST_ADDRESSES)
        for address in addresses:
            if not address.lower().startswith(("https://", "http://")):
                raise ValidationError(_("%s does not begin with https://.") % address)
        return addresses

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if self.errors:
            return values
        if bool(values["uploads"]) == bool(values["addresses"]):
            raise ValidationError(_("Choose files or write addresses, one of the two."))
        try:
            self._options = Options(
                locale=values["locale"],
                audience=values["audience"] or None,
                category=values["category"],
                draft=values["draft"],
                tags=tuple(tag for tag in values["tags"].split(",") if tag.strip()),
            )
        except Invalid as error:
            field = str(error.errors()[0]["loc"][0])
            raise ValidationError({field: reason(error)}) from error
        return values

    def options(self) -> Options:
        """What the import says of all its articles. Checked by `clean`."""
        return self._options
