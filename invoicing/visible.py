"""Text from outside, made safe to set: what a reader cannot see is shown as �.

Names and ids come from contracts and stations, and are hostile until proven otherwise: a right-to-left override turns an
amount around, a control character hides half a name. Such characters are neither kept nor dropped silently. Markup is not
this module's business; the template engine escapes it.
"""

import unicodedata

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # control, format, surrogate, private, unassigned, line separators
_NEEDED = {"\N{ZERO WIDTH JOINER}", "\N{ZERO WIDTH NON-JOINER}"}  # Persian and Indic names are spelt with them


def visible(text: str) -> str:
    """The same text on one line, each character that cannot be seen replaced."""
    return "".join(char if _can_be_seen(char) else REPLACEMENT for char in text)


def _can_be_seen(char: str) -> bool:
    return unicodedata.category(char) not in _UNSEEN or char in _NEEDED
