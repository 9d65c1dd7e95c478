"""manage.py collect_gaps: the history, once."""

from io import StringIO

import pytest
from django.core.management import call_command

from tests.tools.knowledge.gaps.support import ask
from tools.knowledge.models import GapQuestion

pytestmark = pytest.mark.django_db


def run() -> str:
    out = StringIO()
    call_command("collect_gaps", stdout=out)
    return out.getvalue()


def test_the_questions_of_all_conversations_are_collected_once() -> None:
    ask("Do you ship to Norway?")
    ask("Can I pay with Klarna?")
    assert run() == "2 new questions were collected.\n"
    assert run() == "0 new questions were collected.\n"
    assert GapQuestion.objects.count() == 2
