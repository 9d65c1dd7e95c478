"""manage.py collect_gaps"""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import ngettext

from tools.knowledge.gaps import collecting


class Command(BaseCommand):
    help = (
        "Collects the questions without a good answer from all conversations there are. New ones "
        "are collected by themselves; running it again adds only what is missing."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        new = sum(collecting.collect_all())
        told = ngettext("%d new question was collected.", "%d new questions were collected.", new)
        self.stdout.write(told % new)
