"""What may be wrong with a tariff, found by looking at it: one list, errors first.

    lint_reach          prices that can never apply, moments at which none does      by sets (`coverage`)
    lint_prices         amounts, taxes, steps, limits
    lint_restrictions   windows, validity, reservations, what the dialect lacks
    lint_display        the law on displayed prices, texts

A tariff without lints may still be wrong, and one with lints may be meant so: nothing but the eye of its author is spared.
"""

from collections.abc import Callable, Iterator

from tariffs.lint_display import display, texts
from tariffs.lint_prices import amounts, limits, steps, taxes
from tariffs.lint_reach import reach
from tariffs.lint_restrictions import dialect, restrictions
from tariffs.lints import NOWHERE, Lint, LintReason, Severity, Surroundings, order
from vocabulary.tariff import Tariff

__all__ = ["NOWHERE", "Lint", "LintReason", "Severity", "Surroundings", "lint"]

_CHECKS: tuple[Callable[[Tariff, Surroundings], Iterator[Lint]], ...] = (
    reach,
    limits,
    taxes,
    steps,
    amounts,
    restrictions,
    dialect,
    display,
    texts,
)


def lint(tariff: Tariff, surroundings: Surroundings = NOWHERE) -> tuple[Lint, ...]:
    """All that may be wrong, errors first, by precedence and place. What is not known of the surroundings is not judged."""
    found = {one for check in _CHECKS for one in check(tariff, surroundings)}
    return tuple(sorted(found, key=lambda one: (*order(one), one.detail)))
