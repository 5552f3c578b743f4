"""A word that was meant, for one that is not known."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str], beginning: str = "") -> str:
    """` (did you mean X?)` with the known word that comes nearest; empty where none is near. `beginning` comes before it."""
    by_folded = {name.casefold(): name for name in sorted(known)}
    near = get_close_matches(word.casefold(), by_folded, n=1)
    return f" (did you mean {beginning}{by_folded[near[0]]}?)" if near else ""
