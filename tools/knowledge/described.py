"""What of a passage is embedded."""


def described(title: str, heading: str, text: str) -> str:
    """A passage as the text that stands for its meaning: what it is about, then what it says."""
    return ". ".join(part for part in (title, heading, text) if part)
