"""An invoice as its reader sees it: every word, number and date as text in his language, in the order of the page.

The HTML template and the plain text only place what stands here, so that they cannot differ from each other; amounts, IBANs
and dates are written in this file and nowhere else.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import assert_never

from invoicing.gate import demand, is_one_clock, local_date
from invoicing.localise import Language, language
from invoicing.page import NOTHING, Page, ShownLine, ShownMeter, ShownSession, ShownVat, rate
from invoicing.plan_page import shown_plans
from vocabulary.billing import Invoice, InvoicedSession, InvoiceLine, VatTotal
from vocabulary.identity import short
from vocabulary.money import plain
from vocabulary.rated import RatedLine
from vocabulary.reference import Address, Operator, Party
from vocabulary.signatures import MeterClock, SignatureChecked, Verdict
from vocabulary.tariff import Basis, Dimension

FINGERPRINT_DIGITS = 16


def present(invoice: Invoice, buyer: Party) -> Page:
    """The page of a sound invoice; `buyer` is its holder, opened."""
    demand(invoice)
    tongue, seller = language(invoice.language), invoice.seller
    instants = [at for session in invoice.sessions for at in (session.start, session.end)]
    offsets = not is_one_clock([session.time_zone for session in invoice.sessions], instants)
    return Page(
        language=tongue,
        number=invoice.number,
        title=" ".join((tongue.text("Invoice"), invoice.number)),
        issued_on=invoice.issued_on.isoformat(),
        seller=seller.name,
        return_address=(seller.name, *_address(seller.address, tongue)),
        buyer=(buyer.name, *_address(buyer.address, tongue, abroad_of=seller.address.country)),
        facts=_facts(invoice, buyer, tongue),
        summary=_summary(invoice, tongue),
        due=_due(invoice, tongue),
        currency=invoice.currency,
        prices=_HEADS[_basis(invoice)](tongue),
        sessions=tuple(_session(session, invoice, tongue, offsets=offsets) for session in invoice.sessions),
        plans=shown_plans(invoice, tongue),
        vat=tuple(_vat(part, invoice, tongue) for part in invoice.vat),
        total=_total(invoice, tongue),
        terms=_terms(invoice, tongue),
        meters=tuple(meter for session in invoice.sessions for meter in _meters(session, tongue, offsets=offsets)),
        footer=_footer(seller, buyer, tongue),
    )


def _address(address: Address, tongue: Language, *, abroad_of: str = "") -> tuple[str, ...]:
    """The lines of an address; the country in capitals where post has to cross a border (UPU S42)."""
    lines = [address.street, f"{address.postal_code} {address.city}".strip()]
    if abroad_of and address.country != abroad_of:
        lines.append(tongue.country(address.country).upper())
    return tuple(line for line in lines if line)


def _facts(invoice: Invoice, buyer: Party, tongue: Language) -> tuple[tuple[str, str], ...]:
    first, last = tongue.day(invoice.period_start), tongue.day(invoice.period_end)
    return _told(
        (tongue.text("Invoice number"), invoice.number),
        (tongue.text("Date of issue"), tongue.day(invoice.issued_on)),
        (tongue.text("Charging period"), first if first == last else f"{first} – {last}"),
        (tongue.text("Contract"), invoice.contract),
        (tongue.text("Your reference"), buyer.reference),
        (tongue.text("Your VAT ID"), buyer.vat_id),
    )


def _summary(invoice: Invoice, tongue: Language) -> str:
    unused = sum(session.unused for session in invoice.sessions)
    count, energy = len(invoice.sessions) - unused, sum((session.energy_wh for session in invoice.sessions), Decimal(0))
    sentence = tongue.plural("%(count)s charging session, %(energy)s", "%(count)s charging sessions, %(energy)s", count)
    expired = tongue.plural("%(count)s expired reservation", "%(count)s expired reservations", unused)
    parts = ((count or not unused, sentence, count), (unused, expired, unused))
    return " · ".join(text % {"count": n, "energy": tongue.energy(energy)} for is_told, text, n in parts if is_told)


def _due(invoice: Invoice, tongue: Language) -> tuple[tuple[str, str], ...]:
    return _told(
        (tongue.text("Amount due"), tongue.money(invoice.total, invoice.currency)),
        (tongue.text("Payable by"), tongue.long_day(invoice.due_on)),
        (tongue.text("IBAN"), _iban(invoice.seller)),
        (tongue.text("Payment reference"), invoice.number),
    )


def _basis(invoice: Invoice) -> Basis | None:
    """What the unit prices of an invoice contain; None: some this, some that. Where no VAT applies, it is the same."""
    rated = [line.rated for session in invoice.sessions for line in session.lines]
    told = {line.basis for line in rated if line.limit is None and line.basis is not Basis.UNTAXED}
    return told.pop() if len(told) == 1 else None if told else Basis.NET


_HEADS: dict[Basis | None, Callable[[Language], str]] = {
    Basis.NET: lambda tongue: tongue.text("Unit price, net"),
    Basis.GROSS: lambda tongue: tongue.text("Unit price, gross"),
    None: lambda tongue: tongue.text("Unit price"),
}


def _session(session: InvoicedSession, invoice: Invoice, tongue: Language, *, offsets: bool) -> ShownSession:
    kinds = Counter(_name(line.rated, tongue) for line in session.lines if line.rated.limit is None)
    return ShownSession(
        when=tongue.span(session.start, session.end, session.time_zone, offsets=offsets),
        where=(session.site_name, session.evse_id, *((tongue.text("expired reservation"),) if session.unused else ())),
        energy=NOTHING if session.unused else tongue.energy(session.energy_wh),
        amount=tongue.amount(session.gross, invoice.currency),
        lines=tuple(
            _line(line, session, invoice, tongue, repeated=kinds[_name(line.rated, tongue)] > 1) for line in session.lines
        ),
    )


def _line(line: InvoiceLine, session: InvoicedSession, invoice: Invoice, tongue: Language, *, repeated: bool) -> ShownLine:
    """A line; the note says when it has its price, and where others charge for the same thing, when it had it.

    A limit has neither quantity nor unit price; its note says which limit it is.
    """
    rated, notes = line.rated, []
    if repeated or rated.tariff_version:
        day = local_date(session.start, session.time_zone)
        span = tongue.span(rated.since, rated.until, session.time_zone, day=day)
        notes.append(tongue.text("%(span)s, with breaks") % {"span": span} if rated.breaks else span)
    if rated.tariff_version:
        notes.append(tongue.text("tariff version %(version)s") % {"version": short(rated.tariff_version)})
    if line.reason:
        notes.append(line.reason if rated.limit else tongue.text("price: %(when)s") % {"when": line.reason})
    if rated.limit is None and rated.basis is not Basis.UNTAXED and _basis(invoice) is None:
        notes.append(tongue.text("unit price gross") if rated.basis is Basis.GROSS else tongue.text("unit price net"))
    if rated.billed != rated.quantity:
        measured = _quantity(rated.quantity, rated.dimension, tongue)
        notes.append(tongue.text("measured %(quantity)s, billed in full steps") % {"quantity": measured})
    abroad = rated.vat_percent is not None and session.vat_country != invoice.seller.address.country
    return ShownLine(
        name=_name(rated, tongue),
        note=" · ".join(notes),
        quantity="" if rated.limit else _quantity(rated.billed, rated.dimension, tongue),
        unit_price="" if rated.limit else tongue.unit_price(rated.unit_price, invoice.currency, _priced_per(rated)),
        vat=rate(rated.vat_percent, tongue) + (f" {session.vat_country}" if abroad else ""),
        amount=tongue.amount(line.gross, invoice.currency),
    )


def _priced_per(rated: RatedLine) -> str:
    match rated.dimension:
        case Dimension.ENERGY | Dimension.ENERGY_EXPORT:
            return "kWh"
        case Dimension.TIME | Dimension.PARKING_TIME:
            return "min" if rated.per_minute else "h"
        case _:
            return ""


def _name(rated: RatedLine, tongue: Language) -> str:
    if rated.reserved:
        return tongue.text("Reservation fee") if rated.dimension is Dimension.FLAT else tongue.text("Reservation")
    return _dimension(rated.dimension, tongue)


def _dimension(dimension: Dimension, tongue: Language) -> str:
    match dimension:
        case Dimension.ENERGY:
            return tongue.text("Energy")
        case Dimension.TIME:
            return tongue.text("Charging time")
        case Dimension.PARKING_TIME:
            return tongue.text("Idle time")
        case Dimension.FLAT:
            return tongue.text("Session fee")
        case Dimension.MIN_PRICE:
            return tongue.text("Minimum price")
        case Dimension.MAX_PRICE:
            return tongue.text("Maximum price")
        case Dimension.ENERGY_EXPORT:
            return tongue.text("Energy fed back")
        case Dimension.SWAP:
            return tongue.text("Battery swap")
    assert_never(dimension)


def _quantity(quantity: Decimal, dimension: Dimension, tongue: Language) -> str:
    match dimension:
        case Dimension.ENERGY | Dimension.ENERGY_EXPORT:
            return tongue.energy(quantity)
        case Dimension.TIME | Dimension.PARKING_TIME:
            assert quantity == int(quantity), "durations are whole seconds"
            return tongue.duration(int(quantity))
        case Dimension.FLAT | Dimension.SWAP | Dimension.MIN_PRICE | Dimension.MAX_PRICE:
            return plain(quantity)
    assert_never(dimension)


def _vat(part: VatTotal, invoice: Invoice, tongue: Language) -> ShownVat:
    currency = invoice.currency
    return ShownVat(
        country=tongue.country(part.country) if _is_abroad(invoice) else "",
        rate=tongue.text("No VAT applies") if part.vat_percent is None else tongue.percent(part.vat_percent),
        net=tongue.amount(part.net, currency),
        vat=tongue.amount(part.vat, currency),
        gross=tongue.amount(part.gross, currency),
    )


def _is_abroad(invoice: Invoice) -> bool:
    """Whether the invoice has VAT of another country than the seller's."""
    return {part.country for part in invoice.vat} != {invoice.seller.address.country}


def _total(invoice: Invoice, tongue: Language) -> ShownVat:
    return ShownVat(
        country="",
        rate=tongue.text("Total"),
        net=tongue.amount(invoice.net, invoice.currency),
        vat=tongue.amount(invoice.tax, invoice.currency),
        gross=tongue.money(invoice.total, invoice.currency),
    )


def _terms(invoice: Invoice, tongue: Language) -> tuple[str, ...]:
    how_to_pay = (
        tongue.text("Please transfer %(amount)s by %(date)s, quoting %(number)s.")
        if invoice.seller.iban
        else tongue.text("Please pay %(amount)s by %(date)s, quoting %(number)s.")
    )
    values = {
        "amount": tongue.money(invoice.total, invoice.currency),
        "date": tongue.long_day(invoice.due_on),
        "number": invoice.number,
    }
    return (
        how_to_pay % values,
        _about_vat(invoice, tongue),
    )


def _about_vat(invoice: Invoice, tongue: Language) -> str:
    """What prices and amounts contain, and how VAT was computed."""
    is_one_country = len({part.country for part in invoice.vat}) == 1
    if _basis(invoice) is Basis.NET:
        return (
            tongue.text("Unit prices are net; amounts include VAT, which is computed once per rate on the whole invoice.")
            if is_one_country
            else tongue.text(
                "Unit prices are net; amounts include VAT, computed once per country and rate on the whole invoice."
            )
        )
    if _basis(invoice) is Basis.GROSS:
        return (
            tongue.text("Unit prices and amounts include VAT, which is computed once per rate on the whole invoice.")
            if is_one_country
            else tongue.text("Unit prices and amounts include VAT, computed once per country and rate on the whole invoice.")
        )
    return (
        tongue.text("Amounts include VAT, which is computed once per rate on the whole invoice.")
        if is_one_country
        else tongue.text("Amounts include VAT, computed once per country and rate on the whole invoice.")
    )


def _meters(session: InvoicedSession, tongue: Language, *, offsets: bool) -> Iterator[ShownMeter]:
    """The register of what was delivered, and that of what was fed back, of which no signature is checked."""
    checked = session.signature
    begin, end = _readings(session)
    delivered = ShownMeter(
        when=tongue.moment(session.start, session.time_zone, offsets=offsets),
        session=short(session.session),
        meter=(checked.meter if checked else "") or NOTHING,
        begin=NOTHING if session.unused else tongue.register(begin),
        end=NOTHING if session.unused else tongue.register(end),
        verdict=NOTHING if session.unused else _verdict(checked, session, tongue),
        key=checked.key_fingerprint[:FINGERPRINT_DIGITS] if checked else "",
        tariff=session.tariff,
        version=short(session.tariff_version),
        proof=_proof(checked, session, tongue),
        record=tongue.text("record attached") if has_record(session) else "",
    )
    yield delivered
    if (exported := session.exported) is not None:
        told = {"begin": tongue.register(exported.begin_wh), "end": tongue.register(exported.end_wh)}
        yield replace(delivered, **told, key="", proof="", record="", verdict=tongue.text("fed back, as told"))


def has_record(session: InvoicedSession) -> bool:
    """Whether the signed values of a session are attached to its invoice, in a file that bears the session's short name."""
    return session.signature is not None and session.signature.billing is not None and session.signature.format != ""


def _readings(session: InvoicedSession) -> tuple[Decimal, Decimal]:
    """What the bill counts; by older rules the signed ones, which differ by no more than whole watt-hours."""
    match session.signature:
        case SignatureChecked(billing=None, verdict=Verdict.VERIFIED, begin_wh=Decimal() as begin, end_wh=Decimal() as end):
            return begin, end
        case _:
            return session.begin_wh, session.end_wh


def _verdict(checked: SignatureChecked | None, session: InvoicedSession, tongue: Language) -> str:
    match checked.verdict if checked else Verdict.UNSIGNED:
        case Verdict.VERIFIED if checked and not _is_billed_as_signed(checked, session):
            return tongue.text("as told, not as signed")
        case Verdict.VERIFIED:
            return tongue.text("valid")
        case Verdict.FAILED:
            return tongue.text("not valid")
        case Verdict.UNVERIFIABLE:
            return tongue.text("cannot be checked")
        case Verdict.UNSIGNED:
            return tongue.text("not signed")
        case never:
            assert_never(never)


def _is_billed_as_signed(checked: SignatureChecked, session: InvoicedSession) -> bool:
    """A genuine pair may not be what is billed: signatures are ignored there, or a person released it in spite of a doubt."""
    if checked.billing is None:
        return True
    return checked.billing is Verdict.VERIFIED and (checked.begin_wh, checked.end_wh) == (session.begin_wh, session.end_wh)


def _proof(checked: SignatureChecked | None, session: InvoicedSession, tongue: Language) -> str:
    """What the meter signed beside the values; and these, where others were billed. Only of a genuine pair are they told."""
    if checked is None:
        return ""
    if checked.verdict is not Verdict.VERIFIED or checked.begin_wh is None or checked.end_wh is None:
        return checked.register
    cable = tongue.text("cable")
    told = (
        "" if _is_billed_as_signed(checked, session) else _signed(checked.begin_wh, checked.end_wh, tongue),
        checked.register,
        *_signed_times(checked, session.time_zone, tongue),
        f"{cable} {checked.loss}" if checked.loss else "",
    )
    return " · ".join(filter(None, told))


def _signed(begin: Decimal, end: Decimal, tongue: Language) -> str:
    return tongue.text("signed %(readings)s") % {"readings": f"{tongue.register(begin)} – {tongue.register(end)} kWh"}


def _signed_times(checked: SignatureChecked, time_zone: str, tongue: Language) -> Iterator[str]:
    """When begin and end were signed, and how far the meter vouches for it."""
    if checked.begin_at is None or checked.end_at is None or checked.begin_clock is None:
        return
    yield tongue.to_the_second(checked.begin_at, checked.end_at, time_zone)
    clocks = dict.fromkeys((checked.begin_clock, checked.end_clock or checked.begin_clock))
    yield " / ".join(_clock(clock, tongue) for clock in clocks)


def _clock(clock: MeterClock, tongue: Language) -> str:
    match clock:
        case MeterClock.SYNCHRONISED:
            return tongue.text("clock synchronised")
        case MeterClock.RELATIVE:
            return tongue.text("duration measured")
        case MeterClock.INFORMATIVE:
            return tongue.text("clock informative")
        case MeterClock.UNKNOWN:
            return tongue.text("clock unknown")
        case never:
            assert_never(never)


def _footer(seller: Operator, buyer: Party, tongue: Language) -> tuple[tuple[str, ...], ...]:
    """Who sells, how to reach him, what the law wants to know, where to pay: a column each, empty ones left out."""
    legal = _told((tongue.text("VAT ID"), seller.vat_id), (tongue.text("Tax number"), seller.tax_number))
    bank = _told((tongue.text("IBAN"), _iban(seller)), (tongue.text("BIC"), seller.bic))
    columns = (
        (seller.name, *_address(seller.address, tongue, abroad_of=buyer.address.country)),
        (seller.phone, seller.email, seller.website),
        (*(f"{label} {value}" for label, value in legal), seller.registration),
        tuple(f"{label} {value}" for label, value in bank),
    )
    told = (tuple(line for line in column if line) for column in columns)
    return tuple(column for column in told if column)


def _iban(seller: Operator) -> str:
    """In groups of four, as on paper (ISO 13616)."""
    digits = seller.iban.replace(" ", "")
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))


def _told(*facts: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """The facts that there is something to say about."""
    return tuple((label, value) for label, value in facts if value)
