"""Topics of a profile's own, as filters with `+` and `#`."""

import re


class TopicFilter:
    """Tells which topics a filter means. `+` stands for a level, `#` at the end for whatever follows."""

    __slots__ = ("_matches", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        # Levels are divided by slashes that a + does not take: no text is looked at twice.
        levels = ["[^/]+" if it == "+" else re.escape(it) for it in text.split("/")]
        rest = ""
        if text.endswith("#"):
            levels.pop()
            rest = "(/.*)?" if levels else ".*"
        self._matches = re.compile("/".join(levels) + rest, re.DOTALL).fullmatch

    def matches(self, topic: str) -> bool:
        """Tell whether the topic is meant."""
        return self._matches(topic) is not None


def filter_of(text: str | None, default: str) -> TopicFilter | None:
    """Return the filter, None where the text says no more than the default."""
    return None if not text or text == default else TopicFilter(text)
