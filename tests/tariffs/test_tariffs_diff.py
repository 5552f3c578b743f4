"""Two tariffs compared: nothing is told of equals, and the same places are named whichever of two comes first."""

from datetime import time
from decimal import Decimal

from hypothesis import given
from msgspec import structs

from tariffs.diff import Change, ChangeKind, diff
from tests.tariffs.test_tariffs_lint import DAY, NIGHT, element, limit, made, price, written
from tests.tariffs.wide import ANY_TARIFFS
from vocabulary.tariff import Basis, Dimension, DisplayText, EnergyMix, Profile, Reservation, Tariff

ENERGY, FLAT, TIME = Dimension.ENERGY, Dimension.FLAT, Dimension.TIME
_OPPOSITE = {ChangeKind.NEW: ChangeKind.GONE, ChangeKind.GONE: ChangeKind.NEW}


def told(old: Tariff, new: Tariff) -> list[tuple[str, str, str, str, str]]:
    return [(one.kind, one.where, one.what, one.before, one.after) for one in diff(old, new)]


def test_a_price_that_rises_is_told_as_it_was_written_and_as_it_is_paid_each_with_its_per_cent():
    (net, paid) = diff(written("0.4118 EUR/kWh VAT 19%"), written("0.4370 EUR/kWh VAT 19%"))
    assert (net.where, net.what, net.before, net.after) == (
        "Energy, without restrictions",
        "price",
        "0.4118 EUR/kWh",
        "0.437 EUR/kWh",
    )
    assert (net.absolute, net.percent) == (Decimal("0.0252"), Decimal("6.12"))
    assert (paid.what, paid.before, paid.after) == ("the driver pays", "0.49 EUR/kWh", "0.52 EUR/kWh")
    assert (paid.absolute, paid.percent) == (Decimal("0.029988"), Decimal("6.12"))


def test_a_price_that_was_0_has_no_per_cent():
    (change,) = diff(written("0 EUR/kWh"), written("0.40 EUR/kWh"))
    assert (change.absolute, change.percent) == (Decimal("0.4"), None)


def test_other_taxes_change_what_is_paid_and_not_the_price():
    assert told(written("0.50 EUR/kWh VAT 19%"), written("0.50 EUR/kWh VAT 7%")) == [
        ("changed", "Energy, without restrictions", "taxes", "vat 19%", "vat 7%"),
        ("changed", "Energy, without restrictions", "the driver pays", "0.595 EUR/kWh", "0.535 EUR/kWh"),
    ]


def test_a_net_price_that_becomes_gross_tells_what_is_paid():
    net = made(element(price(ENERGY)), profile=Profile.OCPI_2_3_0)
    assert told(net, structs.replace(net, basis=Basis.GROSS)) == [
        ("changed", "", "basis of prices", "net", "gross"),
        ("changed", "Energy, without restrictions", "the driver pays", "0.595 EUR/kWh", "0.50 EUR/kWh"),
    ]


def test_a_price_that_comes_and_one_that_goes_are_named_by_when_they_apply():
    assert told(written(DAY), written(f"{NIGHT} | {DAY} + 1 EUR VAT 19%")) == [
        ("new", "Energy, 22:00-06:00", "price", "", "0.30 EUR/kWh"),
        ("new", "Start fee, without restrictions", "price", "", "1.00 EUR"),
    ]
    assert {change.kind for change in diff(written(f"{NIGHT} | {DAY}"), written(DAY))} == {ChangeKind.GONE}


def test_a_window_that_moves_is_told_as_that():
    assert told(written(f"{NIGHT} | {DAY}"), written(f"{NIGHT.replace('22:00', '23:00')} | {DAY}")) == [
        ("changed", "Energy, 0.30 EUR/kWh", "restrictions", "22:00-06:00", "23:00-06:00")
    ]


def test_an_element_that_moves_is_told_with_both_its_numbers_and_another_order_as_that():
    weekend = "0.40 EUR/kWh VAT 19% step 1 Sat,Sun"
    assert told(written(f"{NIGHT} | {weekend} | {DAY}"), written(f"{weekend} | {NIGHT} | {DAY}")) == [
        (
            "moved",
            "Energy",
            "order",
            "22:00-06:00; Saturday and Sunday; without restrictions",
            "Saturday and Sunday; 22:00-06:00; without restrictions",
        )
    ]
    (net, _) = diff(written(DAY), written(f"1 EUR VAT 19% | {DAY.replace('0.50', '0.60')}"))[:2]
    assert (net.element_before, net.element_after) == (1, 2)


def test_step_and_unit_are_compared():
    hour, minute = element(price(TIME, "6", step_size=60)), element(price(TIME, "0.1", step_size=1, per_minute=True))
    changes = diff(made(hour), made(minute))
    assert [(one.what, one.before, one.after) for one in changes] == [
        ("price", "6.00 EUR/h", "0.10 EUR/min"),
        ("step size", "60 s", "1 s"),
    ]
    assert changes[0].absolute == 0


def test_reservations_are_prices_of_their_own():
    reserved = [element(price(TIME, amount), reservation=Reservation.RESERVATION) for amount in ("3", "5")]
    (change, _) = diff(made(reserved[0]), made(reserved[1]))
    assert (change.where, change.percent) == ("Charging time, reservation, without restrictions", Decimal("66.67"))


def test_what_holds_for_the_whole_tariff_is_compared():
    old = written(DAY, min_price=limit("1"), audience="REGULAR")
    new = written(
        DAY,
        id="u",
        min_price=limit("2", "2.38"),
        max_price=limit("50"),
        names=(DisplayText("en", "Plain"),),
        energy_mix=EnergyMix(is_green_energy=True, supplier_name="Wind"),
    )
    assert told(old, new) == [
        ("changed", "", "id", "t", "u"),
        ("changed", "", "minimum price before taxes", "1.00 EUR", "2.00 EUR"),
        ("new", "", "minimum price after taxes", "", "2.38 EUR"),
        ("new", "", "maximum price before taxes", "", "50.00 EUR"),
        ("gone", "", "text in 'de'", "Einfach", ""),
        ("changed", "", "text in 'en'", "Simple", "Plain"),
        ("gone", "", "audience", "REGULAR", ""),
        ("new", "", "energy mix", "", "green, Wind"),
    ]


def test_the_same_prices_in_other_elements_are_told_as_that():
    together = made(element(price(ENERGY), price(FLAT)))
    apart = made(element(price(ENERGY)), element(price(FLAT)))
    assert [change.kind for change in diff(together, apart)] == [ChangeKind.REWRITTEN]


def test_amounts_of_two_currencies_are_not_subtracted():
    changes = diff(written(DAY), written(DAY.replace("EUR", "CHF")))
    assert changes and all(one.absolute is None and one.percent is None for one in changes)


@given(ANY_TARIFFS)
def test_a_tariff_does_not_differ_from_itself(tariff):
    assert diff(tariff, tariff) == ()


@given(ANY_TARIFFS, ANY_TARIFFS)
def test_two_tariffs_differ_in_the_same_whichever_comes_first(one, other):
    def named(changes: tuple[Change, ...], *, turned: bool) -> list[tuple[str, ...]]:
        kinds = _OPPOSITE if turned else {}
        return sorted((kinds.get(change.kind, change.kind), change.what, change.where.split(",")[0]) for change in changes)

    there, back = diff(one, other), diff(other, one)
    assert named(there, turned=False) == named(back, turned=True)
    assert bool(there) is (one != other)


@given(ANY_TARIFFS)
def test_another_amount_is_always_told(tariff):
    if tariff.elements:
        first = tariff.elements[0]
        dearer = structs.replace(first.components[0], price=first.components[0].price + 1)
        elements = (structs.replace(first, components=(dearer, *first.components[1:])), *tariff.elements[1:])
        assert diff(tariff, structs.replace(tariff, elements=elements))


def test_a_night_that_begins_later_and_is_dearer_is_another_price():
    old, new = (
        made(element(price(ENERGY, amount), start_time=time(hour), end_time=time(6)))
        for amount, hour in (("0.3", 22), ("0.4", 23))
    )
    assert [one.kind for one in diff(old, new)] == [ChangeKind.GONE, ChangeKind.NEW]
