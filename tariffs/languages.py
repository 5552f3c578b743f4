"""The words of the languages in which prices are told: short ones, for a station's display, a reason, a bill.

A language is one `Words`; adding one is adding a table here, and one in `price_sheet_words`.
"""

from msgspec import Struct


class Words(Struct, frozen=True, kw_only=True):
    """The words of a language; `{}` stands for what is filled in."""

    energy: str
    time: str
    parking_time: str
    flat: str
    min_price: str
    max_price: str
    energy_export: str
    swap: str
    free: str
    all_free: str
    otherwise: str
    step: str
    vat: str
    vat_in_part: str
    no_vat: str
    more: str
    element: str
    always: str
    at_other_times: str
    clock: str
    date: str
    from_date: str
    before_date: str
    from_energy: str
    until_energy: str
    from_duration: str
    until_duration: str
    days: tuple[str, ...]
    to: str
    and_: str
    in_other_cases: str
    reservation: str
    expired_reservation: str
    while_reserved: str
    while_expired: str
    from_power: str
    until_power: str
    from_current: str
    until_current: str
    from_charging: str
    until_charging: str
    from_idle: str
    until_idle: str
    at_kind: str
    with_brand: str
    paid_by: str
    credit_card: str
    debit_card: str
    taxes: str
    taxes_in_part: str
    no_taxes: str
    before_taxes: str
    plus_taxes: str
    limit_before_taxes: str
    limit_after_taxes: str


ENGLISH = Words(
    energy="Energy",
    time="Charging time",
    parking_time="Idle time",
    flat="Start fee",
    min_price="Minimum price",
    max_price="Maximum price",
    energy_export="Paid to you for energy fed back",
    swap="Battery swap, per set",
    free="free",
    all_free="Free of charge.",
    otherwise="otherwise {}",
    step="in steps of {}",
    vat="Prices include VAT.",
    vat_in_part="Prices include VAT where it applies.",
    no_vat="No VAT applies.",
    more="More prices apply: see the full price list.",
    element="element {}",
    always="always",
    at_other_times="at all other times",
    clock="{}",
    date="%Y-%m-%d",
    from_date="from {}",
    before_date="before {}",
    from_energy="from {} kWh",
    until_energy="up to {} kWh",
    from_duration="after {} of the session",
    until_duration="in the first {} of the session",
    days=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    to="{} to {}",
    and_=" and ",
    in_other_cases="in all other cases",
    reservation="Reservation",
    expired_reservation="Expired reservation",
    while_reserved="reservation",
    while_expired="reservation that expired",
    from_power="at {} kW and more",
    until_power="below {} kW",
    from_current="at {} A and more",
    until_current="below {} A",
    from_charging="after {} of charging",
    until_charging="in the first {} of charging",
    from_idle="after {} of idle time",
    until_idle="in the first {} of idle time",
    at_kind="at {} charging points",
    with_brand="with {}",
    paid_by="paid by {}",
    credit_card="credit card",
    debit_card="debit card",
    taxes="Prices include taxes.",
    taxes_in_part="Prices include taxes where they are known.",
    no_taxes="No taxes apply.",
    before_taxes="Taxes are added to these prices.",
    plus_taxes="{} plus taxes",
    limit_before_taxes="{} before taxes",
    limit_after_taxes="{} after taxes",
)

GERMAN = Words(
    energy="Energie",
    time="Ladezeit",
    parking_time="Standzeit",
    flat="Startgebühr",
    min_price="Mindestpreis",
    max_price="Höchstpreis",
    energy_export="Vergütung für Rückspeisung",
    swap="Batterietausch, je Satz",
    free="kostenlos",
    all_free="Kostenlos.",
    otherwise="sonst {}",
    step="in Schritten von {}",
    vat="Alle Preise inkl. MwSt.",
    vat_in_part="Preise inkl. MwSt., soweit sie anfällt.",
    no_vat="Es fällt keine MwSt. an.",
    more="Es gelten weitere Preise: siehe vollständige Preisliste.",
    element="Element {}",
    always="immer",
    at_other_times="zu allen anderen Zeiten",
    clock="{} Uhr",
    date="%d.%m.%Y",
    from_date="ab {}",
    before_date="vor dem {}",
    from_energy="ab {} kWh",
    until_energy="bis {} kWh",
    from_duration="nach {} des Ladevorgangs",
    until_duration="in den ersten {} des Ladevorgangs",
    days=("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    to="{} bis {}",
    and_=" und ",
    in_other_cases="in allen anderen Fällen",
    reservation="Reservierung",
    expired_reservation="Verfallene Reservierung",
    while_reserved="Reservierung",
    while_expired="verfallene Reservierung",
    from_power="ab {} kW",
    until_power="unter {} kW",
    from_current="ab {} A",
    until_current="unter {} A",
    from_charging="nach {} Ladezeit",
    until_charging="in den ersten {} der Ladezeit",
    from_idle="nach {} Standzeit",
    until_idle="in den ersten {} der Standzeit",
    at_kind="an {}-Ladepunkten",
    with_brand="mit {}",
    paid_by="bezahlt per {}",
    credit_card="Kreditkarte",
    debit_card="Debitkarte",
    taxes="Alle Preise inkl. Steuern.",
    taxes_in_part="Preise inkl. Steuern, soweit sie bekannt sind.",
    no_taxes="Es fallen keine Steuern an.",
    before_taxes="Zu diesen Preisen kommen Steuern hinzu.",
    plus_taxes="{} zzgl. Steuern",
    limit_before_taxes="{} vor Steuern",
    limit_after_taxes="{} nach Steuern",
)

_LANGUAGES = {"en": ENGLISH, "de": GERMAN}


def words_for(language: str) -> Words:
    """By language tag ("de", "de-AT"); English where we do not speak the language."""
    return _LANGUAGES.get(language[:2].lower(), ENGLISH)
