"""By which rules a home keeps events and concludes sessions, by number.

A home adopts newer ones by a fact (`vocabulary.reference.RulesAdopted`): what it kept and concluded before replays by those
that held then, byte for byte.

    1   the first: what contradicts itself has no price
    2   meters, clocks and ends are doubted, and what can be concluded all the same is billed or held; sessions end by deadlines
    3   what messages say beside their transaction (`vocabulary.fact`) is kept as events, and messages without any are counted;
        a StartTransaction and its answer bear when they arrived, by which they find each other
    4   what contradicts itself between two ends that fit, and what was deauthorised, has a price and waits for a person
    5   a charge says why its tariff was chosen (`vocabulary.assignment.TariffChoice`); power and
        current are kept of sessions that a tariff may price by them, so are
        how cards are told of those that they pay, reservations that may have a price (`streams.reservations`), and what
        vehicles feed back; a swap of batteries is a session
    6   signed values of every format are checked, each record and the session (`vocabulary.signatures`); what is billed is
        their difference; a record counts for one session only
"""

from typing import Final

FIRST, DOUBTS, FACTS, PERSONS, CHOICES, RECORDS = 1, 2, 3, 4, 5, 6

RULES: Final = RECORDS  # what a home adopts when it publishes reference data


def has_doubts(rules: int) -> bool:
    return rules >= DOUBTS


def keeps_facts(rules: int) -> bool:
    return rules >= FACTS


def asks_persons(rules: int) -> bool:
    return rules >= PERSONS


def tells_choices(rules: int) -> bool:
    return rules >= CHOICES


def keeps_circumstances(rules: int) -> bool:
    return rules >= CHOICES


def checks_records(rules: int) -> bool:
    return rules >= RECORDS
