"""From when until when a tariff is in force: until the next version, or until its own end, and then none is."""

from datetime import UTC, datetime, timedelta

from streams.catalogue import Catalogue, changes_the_past, is_in_force, with_fact
from tariffs.document import read_document, tariff_of
from vocabulary.identity import TariffId
from vocabulary.tariff import TariffPublished

T = TariffId("t")


def day(number: int) -> datetime:
    return datetime(2026, 3, number, tzinfo=UTC)


def version(price: str, since: int, until: int | None = None) -> TariffPublished:
    fields = {"valid_until": f"2026-03-{until:02}T00:00:00Z"} if until else {}
    components = [{"type": "ENERGY", "price": price}]
    raw = {"id": T, "currency": "EUR", "valid_from": f"2026-03-{since:02}T00:00:00Z", **fields}
    return tariff_of(read_document(raw | {"elements": [{"price_components": components}]}))


def catalogue(*facts: TariffPublished) -> Catalogue:
    made = Catalogue()
    for fact in facts:
        made = with_fact(made, fact)
    return made


def price_at(made: Catalogue, at: datetime) -> str | None:
    found = made.tariff(T, at)
    return None if found is None else str(found.elements[0].components[0].price)


def test_a_version_without_an_end_is_in_force_until_the_next_one():
    made = catalogue(version("1", 1), version("2", 10))
    assert [price_at(made, day(number)) for number in (1, 9, 10, 30)] == ["1", "1", "2", "2"]
    assert price_at(made, day(1) - timedelta(seconds=1)) is None


def test_the_end_is_exclusive_and_after_it_none_is_in_force():
    made = catalogue(version("1", 1), version("2", 10, until=20))
    assert price_at(made, day(20) - timedelta(seconds=1)) == "2"
    assert price_at(made, day(20)) is None


def test_the_next_version_begins_whatever_the_end_of_the_one_before():
    made = catalogue(version("2", 10), version("1", 1, until=20))
    assert [price_at(made, day(number)) for number in (9, 10, 25)] == ["1", "2", "2"]


def test_another_end_is_another_version_and_the_last_told_counts():
    ended, endless = version("1", 1, until=20), version("1", 1)
    assert is_in_force(catalogue(ended), ended)
    assert not is_in_force(catalogue(ended), endless)
    assert changes_the_past(catalogue(ended), endless, day(30)) and not changes_the_past(catalogue(ended), endless, day(1))
    assert not changes_the_past(catalogue(), endless, day(30)), "where none was known, nothing had a price"
    assert price_at(catalogue(ended, endless), day(25)) == "1"
    assert price_at(catalogue(endless, ended), day(25)) is None
