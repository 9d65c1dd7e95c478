"""What an import says of all its articles."""

from pydantic import BaseModel, ConfigDict

from tools.knowledge.models import Audience


class Options(BaseModel):
    """Kept with the run, so that it goes on as it began. A row's own word counts before these."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    locale: str = ""
    audience: Audience | None = None
    category: str = ""
    draft: bool = False
    tags: tuple[str, ...] = ()
