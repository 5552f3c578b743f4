"""Compare what closed sessions cost with what they would cost: read, priced and added up in parts, by one process or several.

    the store, read only ── parts by the first digits of session ids ──▶ pages of sessions ──▶ compared ──▶ sums

A part is in memory while it is worked on, and what it found that changes; nothing grows with all sessions that there are. Each
process sees the store as it was when its part began. Nothing is written.
"""

import multiprocessing
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from streams.catalogue import Catalogue, with_fact
from streams.decisions import standing_of
from streams.embedded_runtime import catalogue_in
from streams.memory import Memory
from streams.rerating import Charged, Compared, compared, ended_on, site_of, tariffs_of
from streams.row_conclusions import Picked, demanded
from streams.states import SessionRow, Wanted
from vocabulary.codec import ReferenceFact
from vocabulary.identity import SessionId, TariffId
from vocabulary.sessions import Finding, SessionClosed
from vocabulary.tariff import Tariff
from wattbook.comparison import Sums
from wattbook.settings import Settings
from wattbook.wiring import VERBS, App, Store, open_app

_PAGE = 500  # sessions whose conclusions are in memory at once
_DIGITS = "0123456789abcdef"


class Question(NamedTuple):
    """Which sessions, and by what they are priced: the facts in force and `supposed` ones, or a tariff whatever is in force.

    `charged_by`: only those whose charge stands by that tariff. `about`: only those whose price comes, before or after, by
    that tariff. `keeps`: what changes is told one by one, since it is to be changed; what is on an invoice is in no total then.
    """

    wanted: Wanted
    supposed: tuple[ReferenceFact, ...] = ()
    instead: Tariff | None = None
    site: str | None = None
    charged_by: TariffId | None = None
    about: TariffId | None = None
    keeps: bool = False


@dataclass
class Part:
    """What was found in a part of the sessions; `seen` counts also those that were not asked for after all."""

    seen: int = 0
    sums: Sums = field(default_factory=Sums)
    changed: list[Compared] = field(default_factory=list)


class Bounds(NamedTuple):
    """Of session ids: beyond `after`, below `until`; None: all that follow."""

    after: str
    until: str | None


def compare(settings: Settings, app: App, question: Question, processes: int = 1) -> Iterator[Part]:
    """The parts, in order of session."""
    if processes == 1:
        catalogue = known(app, question)
        for bounds in _parts():
            yield _part(app, question, bounds, catalogue)
        return
    made = multiprocessing.get_context("spawn")
    with made.Pool(processes, _begin, (settings, question)) as pool:
        yield from pool.imap(_part_here, _parts())


def count(app: App, question: Question) -> int:
    """How many sessions will be looked at."""
    with app.reading() as store:
        return store.states.count_closed(question.wanted)


def known(app: App, question: Question) -> Catalogue:
    """The facts in force, and those that are supposed."""
    with app.reading() as store:
        catalogue = catalogue_in(store.log)
    for fact in question.supposed:
        catalogue = with_fact(catalogue, fact)
    return catalogue


def some(app: App, question: Question, rows: Sequence[SessionRow]) -> Part:
    """Of these sessions, which a person has named."""
    part = Part(seen=len(rows))
    with app.reading() as store:
        _compare_page(store, rows, known(app, question), question, part)
    return part


def _parts() -> list[Bounds]:
    """By the first two digits. Whatever an id may begin with, it is in one of them."""
    begins = [first + second for first in _DIGITS for second in _DIGITS]
    return [Bounds(after, until) for after, until in zip(["", *begins[1:]], [*begins[1:], None], strict=True)]


_here: list[tuple[App, Question, Catalogue]] = []  # of a process that is told of parts


def _begin(settings: Settings, question: Question) -> None:
    app = open_app(settings, read_only=True)
    _here[:] = [(app, question, known(app, question))]


def _part_here(bounds: Bounds) -> Part:
    [(app, question, catalogue)] = _here
    return _part(app, question, bounds, catalogue)


def _part(app: App, question: Question, bounds: Bounds, catalogue: Catalogue) -> Part:
    part, (after, until) = Part(), bounds
    with app.reading() as store:
        while rows := store.states.closed_page(question.wanted, after, until, _PAGE):
            _compare_page(store, rows, catalogue, question, part)
            part.seen += len(rows)
            after = rows[-1].session
    return part


def _compare_page(store: Store, rows: Sequence[SessionRow], catalogue: Catalogue, question: Question, part: Part) -> None:
    picked = Picked(store.log, rows, closed=True)
    for row in rows:
        standing = standing_of(picked, row)
        charged = Charged(row, demanded(picked, row, SessionClosed), standing, partial(_waived, store, row.session))
        if not _is_asked(charged, catalogue, question):
            continue
        found, new = compared(charged, catalogue, question.instead, VERBS.post)
        if question.about is None or question.about in tariffs_of(standing.rated) | tariffs_of(new):
            part.sums.add(found, stays=question.keeps and found.invoice is not None)
            if question.keeps and found.changes:
                part.changed.append(found)


def _is_asked(charged: Charged, catalogue: Catalogue, question: Question) -> bool:
    stands, first, last = charged.standing.rated, question.wanted.first, question.wanted.last
    return (
        (question.charged_by is None or question.charged_by in tariffs_of(stands))
        and (question.site is None or question.site == site_of(charged, catalogue))
        and (stands is not None or first is None or last is None or first <= ended_on(charged, catalogue) <= last)
    )


def _waived(store: Store, session: SessionId) -> Collection[Finding]:
    state = Memory().session(session, store.states)
    return () if state is None else state.waived
