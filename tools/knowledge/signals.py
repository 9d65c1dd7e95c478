"""What may be followed of the knowledge base. Sent after the commit; a receiver that fails is logged
and breaks nothing."""

from django.dispatch import Signal

base_changed = Signal()
"""Search may answer otherwise: an article was written, published or taken back, or synonyms were
edited. Sends `revision`, the number that the change has."""
