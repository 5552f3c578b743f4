"""The chart: which accounts there are, and which names are none."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from ledger import chart
from ledger.chart import UnknownAccount, account_of
from tests.ledger.notation import line
from vocabulary.identity import ContractId, PartnerId
from vocabulary.rated import LimitPart, RatedLine
from vocabulary.sessions import Finding
from vocabulary.tariff import Dimension


def sold(dimension: Dimension, **more: Any) -> RatedLine:
    return structs.replace(line(dimension, Decimal(1), Decimal(1), None), **more)


@pytest.mark.parametrize(
    ("name", "account"),
    [
        (chart.driver_receivable(ContractId("C-1")), "driver receivable"),
        (chart.unbilled(ContractId("C-1"), None), "unbilled receivable"),
        (chart.unbilled(None, PartnerId("NL*EMS")), "unbilled receivable"),
        (chart.vat_payable("DE", Decimal(19)), "VAT payable"),
        (chart.vat_accrued("FI", Decimal("25.5")), "VAT accrued"),
        (chart.held_revenue(Finding.SIGNATURE_FAILED), "held revenue"),
        (chart.revenue(sold(Dimension.ENERGY), "DE"), "revenue energy"),
        (chart.revenue(sold(Dimension.TIME), "DE"), "revenue time"),
        (chart.revenue(sold(Dimension.FLAT), "DE"), "revenue fixed"),
        (chart.revenue(sold(Dimension.PARKING_TIME), "DE"), "revenue idle"),
        (chart.revenue(sold(Dimension.TIME, reserved=True), "DE"), "revenue reservation"),
        (chart.revenue(sold(Dimension.FLAT, reserved=True), "DE"), "revenue reservation"),
        (chart.revenue(sold(Dimension.MIN_PRICE, limit=LimitPart(net="1", tax="0")), "DE"), "revenue price limits"),
        (chart.revenue(sold(Dimension.MAX_PRICE, limit=LimitPart(net="-1", tax="0")), "DE"), "revenue price limits"),
        (chart.rounding_differences("invoice"), "rounding differences"),
    ],
)
def test_every_account_is_found_by_the_name_it_is_given(name: str, account: str) -> None:
    assert account_of(name).name == account


def test_names_say_what_they_stand_for() -> None:
    assert chart.unbilled(ContractId("C-1"), None) == "1105:contract:C-1"
    assert chart.unbilled(None, PartnerId("NL*EMS")) == "1105:partner:NL*EMS"
    assert chart.vat_accrued("DE", Decimal(19)) == "2210:DE:19"
    assert chart.held_revenue(Finding.SIGNATURE_FAILED) == "2500:meter_signature_failed"


def test_codes_are_given_once_and_every_finding_can_hold_revenue() -> None:
    assert len({account.code for account in chart.CHART}) == len(chart.CHART)
    assert {account_of(chart.held_revenue(finding)).code for finding in Finding} == {"2500"}


@pytest.mark.parametrize(
    "name",
    [
        "",
        "9999:DE",
        "4010",
        "4010:DE:19",
        "4010:Germany",
        "4010:de",
        "1105:C-1",
        "1105:driver:C-1",
        "1105:contract:",
        "1105:contract:" + "C" * 129,
        "1105:contract:C\n1",
        "2210:DE:19.0",
        "2210:DE:019",
        "2210:DE:19 %",
        "2500:because",
        "7100:receipt",
    ],
)
def test_what_is_not_in_the_chart_is_no_account(name: str) -> None:
    with pytest.raises(UnknownAccount):
        account_of(name)


@pytest.mark.parametrize(("percent", "text"), [("19", "19"), ("19.0", "19"), ("2E+1", "20"), ("7.70", "7.7"), ("0.5", "0.5")])
def test_a_vat_rate_has_one_account_however_it_is_written(percent: str, text: str) -> None:
    assert chart.vat_payable("CH", Decimal(percent)) == f"2200:CH:{text}"


def test_no_identifier_reaches_another_ones_account() -> None:
    strange = ["C:1", "C%3A1", "C%1", "C 1", "C\t1", "Ü-1", "C/1"]
    names = [chart.driver_receivable(ContractId(contract)) for contract in strange]
    assert len(set(names)) == len(strange)
    assert names[0] == "1100:C%3A1"


@pytest.mark.parametrize("contract", ["", "C" * 129])
def test_a_contract_without_a_usable_name_has_no_account(contract: str) -> None:
    with pytest.raises(UnknownAccount):
        chart.driver_receivable(ContractId(contract))


def test_a_delivery_has_exactly_one_debtor() -> None:
    with pytest.raises(AssertionError):
        chart.unbilled(ContractId("C-1"), PartnerId("NL*EMS"))
    with pytest.raises(AssertionError):
        chart.unbilled(None, None)
