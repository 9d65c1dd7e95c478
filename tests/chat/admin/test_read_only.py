"""What is recorded is there to read: nobody writes it by hand."""

import pytest
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db

READ_ONLY = ["conversation", "turn", "feedback", "usagerecord", "spending", "alert"]


@pytest.mark.parametrize("model", READ_ONLY)
def test_what_is_recorded_is_listed_and_not_edited(admin_client: Client, model: str) -> None:
    assert admin_client.get(reverse(f"admin:chat_{model}_changelist")).status_code == 200
    assert admin_client.get(reverse(f"admin:chat_{model}_add")).status_code == 403
