"""What is to be said against a site that has come to rest: nothing, where all that was acknowledged had its effect, once."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from streams.places import Taken
from tests.one_result.digests import Result, differences
from tests.one_result.published import unpublished
from tests.one_result.site import Fed, Site, poison_in, quarantined_in

_SEALED = ("raw", "events", "conclusions", "journal")


def complaints(site: Site, sent: Sequence[Fed], expected: Result) -> list[str]:
    """`expected` is the fold's. A result without findings (`Result.money`) is compared without them."""
    found = site.result()
    return [
        *_missing(site.raw(), sent),
        *differences(expected, found.money() if expected == expected.money() else found),
        *_doubled(found),
        *_quarantine(site),
        *unpublished(site),
        *_audits(site, [("audit", "replay")]),
    ]


def seals_broken(site: Site) -> list[str]:
    """For a site whose sealer has ended, and sealed at its end what there was."""
    return list(_audits(site, [("audit", "verify", *(word for topic in _SEALED for word in ("--topic", topic)))]))


def chains_broken(site: Site) -> list[str]:
    return list(_audits(site, [("audit", "verify"), ("ledger", "check")]))


def _missing(raw: Iterable[Taken], sent: Iterable[Fed]) -> Iterator[str]:
    """A record that was sent twice may stand there more often: what counts is that it is there as often as acknowledged."""
    wanted = Counter((each.key, each.value, tuple(each.headers)) for each in sent)
    missing = wanted - Counter((taken.key, taken.value, taken.headers) for taken in raw)
    if missing:
        yield f"{missing.total()} acknowledged records are not in the raw topic: {[*missing][:3]}"


def _doubled(found: Result) -> Iterator[str]:
    yield from (f"{extra} {kind} are there twice" for kind, extra in found.twice().items())


def _quarantine(site: Site) -> Iterator[str]:
    found = quarantined_in(body for (body,) in site.rows("SELECT body FROM log_quarantine"))
    if found != (wanted := sorted(poison_in(site.raw()))):
        yield f"in quarantine are {found}, poison is {wanted}"


def _audits(site: Site, questions: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for question in questions:
        answer = site.call(*question)
        if answer.returncode != 0:
            yield f"wattbook {' '.join(question)}: {answer.stdout}{answer.stderr}"
