"""Turns and thumbs in the admin."""

import pytest
from django.test import Client
from django.urls import reverse

from chat.models import Conversation, Feedback, Message, Turn

pytestmark = pytest.mark.django_db

TURNS = "admin:chat_turn_changelist"


def test_the_list_of_turns_tells_who_was_passed_over(admin_client: Client) -> None:
    conversation = Conversation.objects.create(owner="visitor:x")
    passed_over = [
        {"provider": "anthropic", "model": "m", "code": "CIRCUIT_OPEN", "detail": "for 5 s"},
        {"provider": "openai", "model": "o", "code": "BUDGET", "detail": "no room"},
    ]
    Turn.objects.create(conversation=conversation, passed_over=passed_over)
    page = admin_client.get(reverse(TURNS)).content.decode()
    assert "anthropic: CIRCUIT_OPEN, openai: BUDGET" in page


def test_a_thumb_leads_to_its_conversation(admin_client: Client) -> None:
    conversation = Conversation.objects.create(owner="visitor:x")
    reply = Message.objects.create(
        conversation=conversation, role=Message.Role.ASSISTANT, text="<b>Yes</b>"
    )
    Feedback.objects.create(message=reply, rating="down")
    page = admin_client.get(reverse("admin:chat_feedback_changelist")).content.decode()
    assert reverse("admin:chat_conversation_change", args=[conversation.pk]) in page
    assert "&lt;b&gt;Yes&lt;/b&gt;" in page
