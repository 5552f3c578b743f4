"""What would be in force were the reference folder published by a command that bills. For commands that only look.

A price for a time that is over is left out, as there: who asks for a price is told the one by which is charged.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from streams.catalogue import Catalogue, changes_the_past, is_in_force, with_fact
from streams.embedded_runtime import catalogue_in
from vocabulary.reference import RulesAdopted
from vocabulary.rules import RULES
from wattbook.fact_keys import key_of
from wattbook.reference_files import read_reference
from wattbook.wiring import App


class Ahead(NamedTuple):
    """`new`: facts of the folder that are not published and count here; `left_out`: those for a time that is over."""

    catalogue: Catalogue
    new: int = 0
    left_out: tuple[str, ...] = ()


def ahead(app: App) -> Ahead:
    """Raises ReferenceErrors, VaultError."""
    with app.reading() as store:
        known = catalogue_in(store.log)
    if not app.settings.reference_path.is_dir():
        return Ahead(known)
    now = datetime.now(UTC)
    new = [fact for fact in read_reference(app.settings.reference_path, app.vault.looking()) if not is_in_force(known, fact)]
    past = [fact for fact in new if changes_the_past(known, fact, now)]
    catalogue = with_fact(known, RulesAdopted(number=RULES))
    for fact in (fact for fact in new if fact not in past):
        catalogue = with_fact(catalogue, fact)
    return Ahead(catalogue, len(new) - len(past), tuple(dict.fromkeys(map(key_of, past))))
