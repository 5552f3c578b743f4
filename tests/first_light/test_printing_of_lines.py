"""How `session show` prints each kind of rated line."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from vocabulary.money import Currency
from vocabulary.rated import LimitPart, Owed, Rated, RatedLine
from vocabulary.tariff import Basis, Dimension, Tax
from wattbook.commands.session_text import show_rated

AT = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)


def line(dimension: Dimension, billed: int, unit_price: str, **more: Any) -> RatedLine:
    told: dict[str, Any] = {"element": 1, "vat_percent": Decimal(19), "reason": "it applies"}
    amount = Decimal(billed)
    return RatedLine(
        dimension=dimension, quantity=amount, billed=amount, unit_price=Decimal(unit_price), since=AT, until=AT, **told | more
    )


def shown(capsys: pytest.CaptureFixture[str], *lines: RatedLine) -> list[str]:
    owed = Owed(vat_percent=Decimal(19), net=Decimal("1.00"), vat=Decimal("0.19"), gross=Decimal("1.19"))
    show_rated(Rated(currency=Currency("EUR"), lines=lines, owed=(owed,), total=Decimal("1.19")))
    return [" ".join(row.split()) for row in capsys.readouterr().out.splitlines()]


def test_a_limit_shows_what_it_adds_to_the_net_amount_or_takes_off(capsys: pytest.CaptureFixture[str]) -> None:
    low, high = LimitPart(net="1/3", tax="0"), LimitPart(net="-2", tax="0")
    rows = shown(
        capsys,
        line(Dimension.MIN_PRICE, 1, "0", element=0, limit=low),
        line(Dimension.MAX_PRICE, 1, "0", element=0, limit=high),
    )
    assert "MIN_PRICE – +0.333333 net 19 % it applies" in rows
    assert "MAX_PRICE – -2.00 net 19 % it applies" in rows


def test_prices_of_time_have_the_unit_that_they_were_authored_in(capsys: pytest.CaptureFixture[str]) -> None:
    rows = shown(
        capsys, line(Dimension.TIME, 1200, "0.05", per_minute=True, reserved=True), line(Dimension.PARKING_TIME, 60, "6")
    )
    assert "TIME reserved 0:20:00 0.05/min 19 % it applies" in rows
    assert "PARKING_TIME 0:01:00 6/h 19 % it applies" in rows


def test_gross_prices_are_said_to_be_gross_and_several_taxes_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    taxes = (Tax(name="state", percent=Decimal(5)), Tax(name="city", percent=Decimal("2.5"), stack=1))
    rows = shown(capsys, line(Dimension.ENERGY, 1000, "0.59", basis=Basis.GROSS, vat_percent=None, taxes=taxes))
    assert "quantity gross price VAT because" in rows
    assert "ENERGY 1.000 kWh 0.59/kWh state 5 %, city 2.5 % it applies" in rows
