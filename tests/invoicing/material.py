"""What the tests of this room bill: an operator, its sites, its customers, and sessions rated by hand.

Amounts are computed here a second time, from the definitions in `vocabulary`, and not by the code under test.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import msgspec

from invoicing.draw_up import Billable, draw_up
from invoicing.limits import limit_note
from invoicing.localise import language as spoken
from vocabulary.billing import Invoice, InvoiceRunRequested
from vocabulary.identity import ContractId, PartnerId, SessionId, StationId, TariffId, TokenUid, VersionHash, content_id
from vocabulary.money import Currency
from vocabulary.quantities import WattHours
from vocabulary.rated import LimitPart, Owed, Rated, RatedLine
from vocabulary.reference import Address, Contract, Operator, Party, Sealed
from vocabulary.sessions import SessionRated, VatDecision
from vocabulary.signatures import MeterClock, SignatureChecked, SignatureReason, Verdict
from vocabulary.tariff import Basis, Dimension, PriceLimit

EUR = Currency("EUR")
CENT = Decimal("0.01")
BEGIN = WattHours(Decimal(7_300_000))  # the register as stations tell it; what meters sign differs, to be told apart
PER_UNIT = {Dimension.ENERGY: 1000, Dimension.TIME: 3600, Dimension.PARKING_TIME: 3600, Dimension.FLAT: 1}
PER_UNIT |= {Dimension.ENERGY_EXPORT: 1000, Dimension.SWAP: 1}

OPERATOR = Operator(
    country_code="DE",
    party_id="ELB",
    name="Elbstrom Ladenetz GmbH",
    address=Address(street="Am Sandtorkai 48", postal_code="20457", city="Hamburg", country="DE"),
    vat_id="DE123456789",
    tax_number="48/123/45678",
    registration="HRB 123456, Amtsgericht Hamburg",
    email="rechnung@elbstrom.example",
    phone="+49 40 5550 1230",
    website="elbstrom.example",
    iban="DE02120300000000202051",
    bic="BYLADEM1001",
    currency=EUR,
)
BUYER = Party(
    name="Nordlicht Logistik GmbH & Co. KG",
    address=Address(street="Große Elbstraße 279", postal_code="22767", city="Hamburg", country="DE"),
    vat_id="DE987654321",
    reference="KST 4711 / Fuhrpark",
)
CONTRACT = Contract(id=ContractId("C-20418"), holder=Sealed("k1:c2VhbGVk"), tokens=(TokenUid("04E91A5C"),))
REQUEST = InvoiceRunRequested(
    month="2026-10", issued_on=date(2026, 11, 2), requested_at=datetime(2026, 11, 2, 6, 0, tzinfo=UTC)
)


@dataclass(frozen=True)
class Price:
    """A rated line in the making: what for, how much (Wh, seconds, 1), the price per kWh, hour or once, VAT in percent."""

    dimension: Dimension
    quantity: str
    unit_price: str
    vat: str | None = "19"
    billed: str | None = None
    part: tuple[int, int] = (0, 100)  # percent of the session's duration in which it applied
    basis: Basis = Basis.NET
    per_minute: bool = False
    reserved: bool = False


ENERGY = Price(Dimension.ENERGY, "23456", "0.4900")


def session(
    *prices: Price,
    start: datetime = datetime(2026, 10, 12, 6, 14, tzinfo=UTC),
    seconds: int = 5700,
    time_zone: str = "Europe/Berlin",
    site_name: str = "Parkhaus Speicherstadt",
    country: str = "DE",
    currency: Currency = EUR,
    contract: str | None = "C-20418",
    partner: str | None = None,
    key: str = "1",
    limit: str = "",
) -> SessionRated:
    """A rated session; `key` makes it another one. `limit`: the net amount that a limit of the tariff makes it cost."""
    end = start + timedelta(seconds=seconds)
    lines = [_line(price, start, seconds, number) for number, price in enumerate(prices, start=1)]
    energy = sum((Decimal(price.quantity) for price in prices if price.dimension is Dimension.ENERGY), Decimal(0))
    return SessionRated(
        session=SessionId(content_id("session", key)),
        station=StationId("ELB-0007"),
        site="hh-0007",
        site_name=site_name,
        evse_id="DE*ELB*E0007*2",
        start=start,
        end=end,
        ended_on=end.astimezone(ZoneInfo(time_zone)).date(),
        time_zone=time_zone,
        energy_wh=WattHours(energy),
        begin_wh=BEGIN,
        end_wh=WattHours(BEGIN + energy),
        contract=None if partner or contract is None else ContractId(contract),
        partner=PartnerId(partner) if partner else None,
        token=TokenUid("04E91A5C"),
        tariff=TariffId("AC-STANDARD"),
        tariff_version=VersionHash(content_id("tariff", "1")),
        rated=rated(*lines, *(limits(lines, Fraction(limit), start) if limit else ()), currency=currency),
        vat=VatDecision(rule="place-of-consumption", country=country),
    )


def _line(price: Price, start: datetime, seconds: int, element: int) -> RatedLine:
    first, last = (start + timedelta(seconds=seconds * percent // 100) for percent in price.part)
    return RatedLine(
        dimension=price.dimension,
        element=element,
        quantity=Decimal(price.quantity),
        billed=Decimal(price.billed or price.quantity),
        unit_price=Decimal(price.unit_price),
        vat_percent=None if price.vat is None else Decimal(price.vat),
        since=first,
        until=last,
        reason="tariff element applies",
        basis=price.basis,
        per_minute=price.per_minute,
        reserved=price.reserved,
    )


def limits(lines: Sequence[RatedLine], wanted: Fraction, start: datetime) -> tuple[RatedLine, ...]:
    """The lines by which a limit brings a session to a net amount: in proportion to what bears each rate; at least one line."""
    rates = list(dict.fromkeys(line.vat_percent for line in lines)) or [None]
    parts = [sum((net(line) for line in lines if line.vat_percent == rate), Fraction(0)) for rate in rates]
    whole = sum(parts)
    added = [(wanted - whole) * (part / whole if whole else Fraction(1, len(parts))) for part in parts]
    return tuple(
        RatedLine(
            dimension=Dimension.MAX_PRICE if wanted < whole else Dimension.MIN_PRICE,
            element=0,
            quantity=Decimal(1),
            billed=Decimal(1),
            unit_price=Decimal(0),
            vat_percent=rate,
            since=start,
            until=start,
            reason="limit of the tariff",
            limit=LimitPart(net=str(more), tax=str(more * Fraction(rate or 0) / 100)),
        )
        for rate, more in zip(rates, added, strict=True)
    )


def rated(*lines: RatedLine, currency: Currency = EUR, cent: Decimal = CENT) -> Rated:
    """What lines come to: per VAT rate, net and gross each rounded half up once."""
    owed = []
    for rate in dict.fromkeys(line.vat_percent for line in lines):
        exact = sum((net(line) for line in lines if line.vat_percent == rate), Fraction(0))
        before, after = half_up(exact, cent), half_up(exact * (100 + Fraction(rate or 0)) / 100, cent)
        owed.append(Owed(vat_percent=rate, net=before, vat=after - before, gross=after))
    return Rated(currency=currency, lines=lines, owed=tuple(owed), total=sum((part.gross for part in owed), Decimal(0) * cent))


def net(line: RatedLine) -> Fraction:
    if line.limit:
        return Fraction(line.limit.net)
    amount = Fraction(line.billed) * Fraction(line.unit_price) / (60 if line.per_minute else PER_UNIT[line.dimension])
    return amount * 100 / (100 + Fraction(line.vat_percent or 0)) if line.basis is Basis.GROSS else amount


def half_up(exact: Fraction | int, cent: Decimal = CENT) -> Decimal:
    """By way of a decimal with 50 digits: another road than the one that `vocabulary.money` takes."""
    with_many_digits = Decimal(exact.numerator * 10**50 // exact.denominator).scaleb(-50)
    return with_many_digits.quantize(cent, ROUND_HALF_UP)


def verdict(of: SessionRated, outcome: Verdict = Verdict.VERIFIED, begin_wh: str = "18204512") -> SignatureChecked:
    return SignatureChecked(
        session=of.session,
        verdict=outcome,
        reason=SignatureReason.VERIFIED,
        format="OCMF 1.0",
        algorithm="ECDSA-secp256r1-SHA256",
        meter="1EMH0012345678",
        key_fingerprint=content_id("key", "1"),
        begin_wh=WattHours(Decimal(begin_wh)),
        end_wh=WattHours(Decimal(begin_wh) + of.energy_wh),
        billing=outcome,
        billing_reason=SignatureReason.VERIFIED,
        register="1-0:1.8.0",
        begin_at=of.start,
        end_at=of.end,
        begin_clock=MeterClock.SYNCHRONISED,
        end_clock=MeterClock.SYNCHRONISED,
    )


def as_signed(one: SessionRated) -> SessionRated:
    """Billed by the readings of `verdict`."""
    signed = verdict(one)
    return msgspec.structs.replace(one, begin_wh=signed.begin_wh, end_wh=signed.end_wh)


def invoices(*sessions: SessionRated, language: str = "en", next_number: int = 1) -> tuple[Invoice, ...]:
    """A run over these sessions, each with a valid signature, for the contract above."""
    billables = [Billable(rated=as_signed(one), signature=verdict(one)) for one in sessions]
    return run(billables, language=language, next_number=next_number)


def run(
    billables: Sequence[Billable], *, language: str = "en", next_number: int = 1, request: InvoiceRunRequested = REQUEST
) -> tuple[Invoice, ...]:
    def contracts(contract: ContractId) -> Contract:
        return msgspec.structs.replace(CONTRACT, id=contract, language=language)

    return draw_up(request, billables, contracts, OPERATOR, next_number, reason_of)


def reason_of(line: RatedLine, version: VersionHash, language: str, time_zone: str) -> str:
    """As if one tariff had an energy price for the morning and one for the rest of the day; all else always applies."""
    assert version == content_id("tariff", "1")
    if line.limit is not None:
        amount = PriceLimit(before_taxes=Decimal("0.50") if line.dimension is Dimension.MIN_PRICE else Decimal(20))
        return limit_note(amount, line.dimension, EUR, spoken(language))
    if line.dimension is not Dimension.ENERGY or line.unit_price not in (Decimal("0.395"), Decimal("0.44")):
        return ""
    if line.unit_price == Decimal("0.44"):
        return "zu allen anderen Zeiten" if language == "de" else "at all other times"
    return f"05:30-08:00 {'Uhr ' if language == 'de' else ''}{time_zone}".rstrip()


def invoice(*sessions: SessionRated, language: str = "en") -> Invoice:
    (only,) = invoices(*sessions, language=language)
    return only


def month_of_sessions(count: int) -> tuple[SessionRated, ...]:
    """A fleet's October: energy in two price windows, idle time, a fee, now and then a free session."""
    return tuple(_nth_session(n, count) for n in range(count))


def _nth_session(n: int, count: int) -> SessionRated:
    sites = ("Parkhaus Speicherstadt", "Bahnhof Altona, Nordseite", "Betriebshof Wilhelmsburg")
    energy, seconds = str(4210 + 977 * (n % 41)), 2700 + 613 * (n % 17)
    prices = [Price(Dimension.ENERGY, energy, "0.4900")]
    match n % 5:
        case 1:
            prices.append(Price(Dimension.PARKING_TIME, "1500", "6.00", billed="1800", part=(70, 100)))
        case 2:
            prices = [
                Price(Dimension.ENERGY, energy, "0.4900", part=(0, 60)),
                Price(Dimension.ENERGY, str(int(energy) // 3), "0.3950", part=(60, 100)),
                Price(Dimension.FLAT, "1", "0.50"),
            ]
        case 3:
            prices.append(Price(Dimension.FLAT, "1", "0.495798"))
        case 4 if n % 15 == 4:
            prices = [Price(Dimension.ENERGY, energy, "0")]
    start = datetime(2026, 10, 1, 5, 12, tzinfo=UTC) + timedelta(minutes=n * (43_000 // max(count, 1)))
    return session(*prices, start=start, seconds=seconds, site_name=sites[n % 3], key=str(n))
