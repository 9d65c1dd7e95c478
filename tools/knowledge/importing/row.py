"""One article of an import, as its source has it: checked before anything is stored."""

import hashlib
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    model_validator,
)

from tools.knowledge.document import first_heading
from tools.knowledge.importing.names import Category, Line, Locale, TagName, storable
from tools.knowledge.importing.options import Options
from tools.knowledge.models import Audience

LONGEST_BODY = 1_000_000
"""Characters: a book. What is longer is a file that somebody put into the wrong folder."""

LONGEST_TITLE = 200

LONGEST_SOURCE = 300

_OTHER_NAMES = {"question": "title", "answer": "text", "language": "locale", "lang": "locale"}
"""How questions and answers, and other tools, name the same keys."""

TITLE_WITHIN = 20_000
"""Characters at the start of a text in which its title is looked for: parsing a book for a heading
that it has not takes a second."""


def _as_list(value: Any) -> Any:
    """Tags stand in a list, or in a cell of a table between commas."""
    if value is None:
        return []
    return [tag for tag in value.split(",") if tag.strip()] if isinstance(value, str) else value


def _none_where_empty(value: Any) -> Any:
    return False if value in (None, "") else value


class ArticleRow(BaseModel):
    """One article of an import. Empty is what its source does not say."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    id: Annotated[Line, StringConstraints(min_length=1, max_length=LONGEST_SOURCE)]
    title: Annotated[Line, StringConstraints(max_length=LONGEST_TITLE)] = ""
    category: Category = ""
    text: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_BODY),
        AfterValidator(storable),
    ]
    draft: Annotated[bool, BeforeValidator(_none_where_empty)] = False
    locale: Locale = ""
    audience: Annotated[Audience | None, BeforeValidator(lambda value: value or None)] = None
    tags: Annotated[list[TagName], BeforeValidator(_as_list)] = []

    @model_validator(mode="before")
    @classmethod
    def _by_our_names(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        known = {ours: values[other] for other, ours in _OTHER_NAMES.items() if other in values}
        return known | {key: v for key, v in values.items() if key not in known or v}

    @model_validator(mode="after")
    def _has_a_title(self) -> Self:
        """Where the title is empty, the text's own heading is one."""
        self.title = self.title or first_heading(self.text[:TITLE_WITHIN])[:LONGEST_TITLE]
        if not self.title:
            raise ValueError("title: is empty, and the text has no heading to take its place")
        return self

    def completed(self, options: Options) -> "ArticleRow":
        """The row with what the import says of all rows, where the row itself says nothing."""
        return self.model_copy(
            update={
                "category": self.category or options.category,
                "draft": self.draft or options.draft,
                "locale": self.locale or options.locale,
                "audience": self.audience or options.audience,
                "tags": sorted({*self.tags, *options.tags}),
            }
        )

    def fingerprint(self) -> str:
        """Tells whether the source changed. An edit by staff does not change it, and so stays
        until the source does."""
        content = [self.title, self.category, self.text]
        if self.locale or self.audience or self.tags:
            content += [self.locale, self.audience or "", ",".join(self.tags)]
        return hashlib.sha256("\0".join(content).encode()).hexdigest()
