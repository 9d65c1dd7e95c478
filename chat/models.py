"""What is stored of a conversation. `chat.conversations` is the one home of its writes."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class Conversation(models.Model):
    """What one owner (see `chat.identity`) and the bot said to each other.

    `summary` stands for the messages up to the id `summarised_to`, once the whole is too long for a
    request (see `chat.history`).
    """

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        CLOSED = "closed", _("closed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.CharField(_("owner"), max_length=150)
    customer_id = models.CharField(_("customer id"), max_length=120, blank=True)
    customer_email = models.CharField(_("customer e-mail"), max_length=254, blank=True)
    customer_name = models.CharField(_("customer name"), max_length=200, blank=True)
    locale = models.CharField(_("language"), max_length=16, blank=True)
    summary = models.TextField(_("summary"), blank=True)
    summarised_to = models.BigIntegerField(default=0, editable=False)
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.OPEN
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("last message"), auto_now=True)

    class Meta:
        ordering: ClassVar = ["-updated_at"]
        indexes: ClassVar = [
            models.Index(fields=["owner", "-updated_at"], name="conversation_by_owner"),
            models.Index(fields=["-updated_at"], name="conversation_by_update"),
        ]
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")

    def __str__(self) -> str:
        return f"{self.customer_name or _('Guest')} · {str(self.id)[:8]}"


class Turn(models.Model):
    """One answer in the making: from the customer's message to the reply.

    A runner claims a turn with a lease and a fencing number: a write with an older number than the
    row's comes from a runner that lost its lease, and is refused. `runner` names the server that
    claimed it last, where it is one that has successors.

    `provider` and `model` wrote the reply; `passed_over` tells why those before them did not, as
    `{provider, model, code, detail}`. `claims_caught` counts answers that claimed what no tool did,
    `citations_invented` the sources that an answer named and no tool had returned.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        COMPLETED = "completed", _("completed")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", _("failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="turns")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    fence = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    runner = models.CharField(max_length=16, blank=True, default="", db_default="")
    stop_requested = models.BooleanField(default=False)
    provider = models.CharField(max_length=40, blank=True)
    model = models.CharField(max_length=100, blank=True)
    prompt_hash = models.CharField(max_length=16, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    passed_over = models.JSONField(default=list, blank=True)
    claims_caught = models.PositiveSmallIntegerField(default=0)
    citations_invented = models.PositiveSmallIntegerField(default=0)
    cached = models.BooleanField(default=False)
    first_token_ms = models.PositiveIntegerField(_("first token, ms"), null=True, blank=True)
    duration_ms = models.PositiveIntegerField(_("duration, ms"), null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["conversation"],
                condition=Q(status="running"),
                name="one_running_turn_per_conversation",
            ),
            models.UniqueConstraint(
                fields=["conversation"],
                condition=Q(status="queued"),
                name="one_queued_turn_per_conversation",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["lease_expires_at"], condition=Q(status="running"), name="turn_by_lease"
            )
        ]
        verbose_name = _("turn")
        verbose_name_plural = _("turns")

    def __str__(self) -> str:
        return f"{self.get_status_display()} · {str(self.id)[:8]}"


class Message(models.Model):
    """One message of the transcript. `turn` is the turn that answers it, or that wrote it."""

    class Role(models.TextChoices):
        CUSTOMER = "customer", _("customer")
        ASSISTANT = "assistant", _("assistant")
        AGENT = "agent", _("staff")
        SYSTEM = "system", _("system")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="messages")
    turn = models.ForeignKey(Turn, models.CASCADE, related_name="messages", null=True, blank=True)
    role = models.CharField(max_length=10, choices=Role.choices)
    client_id = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001  # NULL is not unique, "" is
    text = models.TextField()
    citations = models.JSONField(default=list, blank=True)
    partial = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["conversation", "client_id"], name="one_message_per_client_id"
            ),
            models.UniqueConstraint(
                fields=["turn"], condition=Q(role="assistant"), name="one_reply_per_turn"
            ),
        ]
        verbose_name = _("message")
        verbose_name_plural = _("messages")

    def __str__(self) -> str:
        return f"{self.get_role_display()}: {self.text[:60]}"


class ToolCall(models.Model):
    """A tool call of a turn, written before its effect: the proof of what a tool did."""

    class Status(models.TextChoices):
        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")

    turn = models.ForeignKey(Turn, models.CASCADE, related_name="tool_calls")
    ordinal = models.PositiveSmallIntegerField()
    round = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(max_length=100)
    arguments = models.JSONField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RUNNING)
    result = models.JSONField(default=dict, blank=True)
    receipt = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)
    started_at = models.DateTimeField(auto_now_add=True)
    duration_ms = models.PositiveIntegerField(_("duration, ms"), null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["turn", "ordinal"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["turn", "ordinal"], name="one_tool_call_per_ordinal")
        ]
        verbose_name = _("tool call")
        verbose_name_plural = _("tool calls")

    def __str__(self) -> str:
        return f"{self.name} · {self.get_status_display()}"


class Feedback(models.Model):
    """A customer's thumb on a reply."""

    class Rating(models.TextChoices):
        UP = "up", _("up")
        DOWN = "down", _("down")

    message = models.OneToOneField(Message, models.CASCADE, related_name="feedback")
    rating = models.CharField(max_length=4, choices=Rating.choices)
    comment = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["-updated_at"]
        verbose_name = _("feedback")
        verbose_name_plural = _("feedback")

    def __str__(self) -> str:
        return self.get_rating_display()


class Classification(models.Model):
    """What a customer's message is about, read after the turn."""

    class Sentiment(models.TextChoices):
        POSITIVE = "positive", _("positive")
        NEUTRAL = "neutral", _("neutral")
        NEGATIVE = "negative", _("negative")

    class Category(models.TextChoices):
        TECHNICAL = "technical", _("technical")
        BILLING = "billing", _("billing")
        GENERAL = "general", _("general")

    class Urgency(models.TextChoices):
        LOW = "low", _("low")
        MEDIUM = "medium", _("medium")
        HIGH = "high", _("high")

    message = models.OneToOneField(Message, models.CASCADE, related_name="classification")
    sentiment = models.CharField(max_length=10, choices=Sentiment.choices)
    category = models.CharField(max_length=10, choices=Category.choices)
    urgency = models.CharField(max_length=10, choices=Urgency.choices)
    source = models.CharField(_("read by"), max_length=140)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("classification")
        verbose_name_plural = _("classifications")

    def __str__(self) -> str:
        return f"{self.get_sentiment_display()}, {self.get_category_display()}, {self.get_urgency_display()}"


class UsageRecord(models.Model):
    """One request to a provider: what it took and what it cost.

    `cost` is in US dollars, at the prices of `price_version`; NULL where the model's price or what
    the request took is not known, never 0. `estimated` marks figures that the vendor did not report.
    What staff asked for, such as a draft of an article, belongs to no conversation.
    """

    class Purpose(models.TextChoices):
        ANSWER = "answer", _("answer")
        CLASSIFICATION = "classification", _("classification")
        SUMMARY = "summary", _("summary")
        DRAFT = "draft", _("draft of an article")

    class Outcome(models.TextChoices):
        OK = "ok", _("ok")
        FAILED = "failed", _("failed")
        STOPPED = "stopped", _("stopped")

    conversation = models.ForeignKey(
        Conversation, models.CASCADE, related_name="usage", null=True, blank=True
    )
    turn = models.ForeignKey(Turn, models.CASCADE, related_name="usage", null=True, blank=True)
    customer = models.CharField(_("customer"), max_length=150, blank=True)
    purpose = models.CharField(
        _("purpose"), max_length=20, choices=Purpose.choices, default=Purpose.ANSWER
    )
    provider = models.CharField(_("provider"), max_length=40)
    model = models.CharField(_("model"), max_length=100, blank=True)
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=1)
    outcome = models.CharField(
        _("outcome"), max_length=10, choices=Outcome.choices, default=Outcome.OK
    )
    error_code = models.CharField(_("error"), max_length=40, blank=True)
    input_tokens = models.PositiveIntegerField(_("input tokens"), default=0)
    output_tokens = models.PositiveIntegerField(_("output tokens"), default=0)
    cache_read_tokens = models.PositiveIntegerField(_("read from cache"), default=0)
    cache_write_tokens = models.PositiveIntegerField(_("written to cache"), default=0)
    estimated = models.BooleanField(_("estimated"), default=False)
    cached = models.BooleanField(_("from our cache"), default=False)
    cost = models.DecimalField(_("cost, $"), max_digits=14, decimal_places=8, null=True, blank=True)
    price_version = models.CharField(_("prices"), max_length=40, blank=True)
    latency_ms = models.PositiveIntegerField(_("latency, ms"), default=0)
    first_token_ms = models.PositiveIntegerField(_("first token, ms"), null=True, blank=True)
    created_at = models.DateTimeField(_("time"), auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        indexes: ClassVar = [models.Index(F("created_at"), name="usage_by_time")]
        verbose_name = _("usage record")
        verbose_name_plural = _("usage records")

    def __str__(self) -> str:
        return f"{self.provider} {self.model}: {self.input_tokens} + {self.output_tokens} tokens"


class Spending(models.Model):
    """What one account spent, in US dollars, and what is reserved for requests that are under way.

    An account is a conversation, a customer's day, a day or a month: see `chat.budgets`, the only
    writer. The two `told` times keep staff from being told twice.
    """

    account = models.CharField(_("account"), max_length=200, unique=True)
    spent = models.DecimalField(_("spent, $"), max_digits=14, decimal_places=8, default=0)
    reserved = models.DecimalField(_("reserved, $"), max_digits=14, decimal_places=8, default=0)
    soft_told_at = models.DateTimeField(null=True, blank=True)
    hard_told_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(_("last request"), auto_now=True)

    class Meta:
        ordering: ClassVar = ["-updated_at"]
        verbose_name = _("spending")
        verbose_name_plural = _("spending")

    def __str__(self) -> str:
        return f"{self.account}: ${self.spent:.4f}"


class Reservation(models.Model):
    """The worst case of one request, reserved on its accounts until it is settled. One that is not
    settled by `expires_at` belonged to a process that died: it counts as spent."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    accounts = models.JSONField()
    amount = models.DecimalField(max_digits=14, decimal_places=8)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("reservation")
        verbose_name_plural = _("reservations")

    def __str__(self) -> str:
        return f"${self.amount:.4f}"


class OutboxTask(models.Model):
    """A task for a worker, written with what it is about: gone once the broker has it. `countdown` are
    the seconds it waits from then on."""

    task = models.CharField(max_length=100)
    arguments = models.JSONField(default=dict)
    countdown = models.FloatField(default=0)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("task that waits for the broker")
        verbose_name_plural = _("tasks that wait for the broker")

    def __str__(self) -> str:
        return self.task


class Alert(models.Model):
    """Something that staff should act on: told once, counted when it happens again, closed by them."""

    key = models.CharField(max_length=200, unique=True)
    text = models.TextField(_("what"))
    count = models.PositiveIntegerField(_("times"), default=1)
    created_at = models.DateTimeField(_("first"), auto_now_add=True)
    updated_at = models.DateTimeField(_("last"), auto_now=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-updated_at"]
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")

    def __str__(self) -> str:
        return self.text
