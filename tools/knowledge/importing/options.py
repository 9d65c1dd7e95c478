"""What an import says of all its articles."""

from pydantic import BaseModel, ConfigDict

from tools.knowledge.importing.names import Category, Locale, TagName
from tools.knowledge.models import Audience


class Options(BaseModel):
    """Kept with the run, so that it goes on as it began. A row's own word counts before these."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    locale: Locale = ""
    audience: Audience | None = None
    category: Category = ""
    draft: bool = False
    tags: tuple[TagName, ...] = ()
