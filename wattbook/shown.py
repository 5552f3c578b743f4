"""JSON as it may be printed at a terminal: what cannot be seen is written as JSON's own escape, the same text to a program."""

import json

from invoicing.visible import visible


def shown_json(text: str) -> str:
    """The same document. Its line feeds stand between the values, and stay."""
    return "\n".join(map(_escaped, text.split("\n")))


def _escaped(line: str) -> str:
    if line.isascii() and "\x7f" not in line:  # what JSON must escape it has escaped
        return line
    return "".join(sign if visible(sign) == sign else json.dumps(sign)[1:-1] for sign in line)
