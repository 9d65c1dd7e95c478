"""The chat in Django's admin: importing this package registers its pages."""

from chat.admin import conversations, health, ledger, records, spending

__all__ = ["conversations", "health", "ledger", "records", "spending"]
