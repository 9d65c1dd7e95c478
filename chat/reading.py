"""The schema of a classification: what a provider must answer, and what the rules answer."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Sentiment = Literal["positive", "neutral", "negative"]
Category = Literal["technical", "billing", "general"]
Urgency = Literal["low", "medium", "high"]


class Reading(BaseModel):
    """How a customer's message reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sentiment: Sentiment
    category: Category
    urgency: Urgency
