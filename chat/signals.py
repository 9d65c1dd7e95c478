"""What other apps may follow of a conversation. Sent after the commit; a receiver that fails is
logged and breaks nothing, and one that takes long makes the customer wait: enqueue a task."""

from django.dispatch import Signal

turn_ended = Signal()
"""A turn was answered, stopped or failed. Sends `turn`, its id."""

reply_rated = Signal()
"""A customer gave a reply a thumb, or changed it. Sends `turn`, the id of the reply's turn."""
