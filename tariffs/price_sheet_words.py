"""The sentences of the price sheet, in the languages that `tariffs.languages` has; `{}` stands for what is filled in."""

from msgspec import Struct


class SheetWords(Struct, frozen=True, kw_only=True):
    limits: str
    conditions_only: str
    free_dimensions: str
    step: str
    step_time_and_parking: str
    net: str
    gross: str
    tax: str
    tax_then: str
    vat: str
    includes: str
    set_net: str
    set_gross: str
    set_untaxed: str
    taxes_open: str
    in_force: str
    until: str
    limit_minimum: str
    limit_maximum: str
    first_match: str
    clock: str
    night: str
    idle: str
    flat_once: str
    flat_once_at_start: str
    reservation: str
    reservation_at_start: str
    expired_lacks: str
    expired_unpriced: str
    minimum_ocpi: str
    maximum_ocpi: str
    minimum_ocpp: str
    maximum_ocpp: str
    measured: str
    payment: str
    fed_back: str
    fed_back_beside_limits: str


ENGLISH_SHEET = SheetWords(
    limits="Limits",
    conditions_only="At all other times there is no price for this: it is free.",
    free_dimensions="Free: {}.",
    step="In steps of {}: the sum of the session is rounded up, a step that is begun is paid in full.",
    step_time_and_parking="Where a session has charging time and idle time, only the idle time is rounded up.",
    net="{} net",
    gross="{} gross",
    tax="{}% {}",
    tax_then="{}, and on top of that {}",
    vat="VAT",
    includes="Includes {}.",
    set_net="Prices are set net; the taxes are added to them.",
    set_gross="Prices are set with taxes included; net amounts are taken out of them.",
    set_untaxed="No taxes apply to any price.",
    taxes_open="The tariff does not say which taxes apply to some of its prices; they are added by whoever knows them.",
    in_force="In force from {} on",
    until="until {}",
    limit_minimum="at least",
    limit_maximum="at most",
    first_match="Of the prices of one kind the first in this list applies whose conditions hold at the moment.",
    clock="Times of day, weekdays and dates are those of the site.",
    night="After midnight it is the next day: a window over midnight ends there unless that day is named, too.",
    idle="Idle time is the time in which the vehicle asks for no power.",
    flat_once="The start fee is charged once per session: the first that comes up.",
    flat_once_at_start="Which start fee is charged is decided once, when the transaction starts.",
    reservation="A reservation is charged from when it is made until the session starts.",
    reservation_at_start="Which reservation price is charged is decided once, when the transaction starts.",
    expired_lacks="What an expired reservation has no price for is charged as a reservation that is used.",
    expired_unpriced="A reservation that expires unused costs nothing.",
    minimum_ocpi="The minimum raises what the session comes to: before taxes and after them, each on its own.",
    maximum_ocpi="The maximum lowers what the session comes to: before taxes and after them, each on its own.",
    minimum_ocpp="A session that stays below the minimum costs the minimum, instead of all other prices.",
    maximum_ocpp="The maximum freezes the cost: as soon as it is reached, before or after taxes, nothing more is added.",
    measured="Where power or current is not measured, prices that depend on it do not apply.",
    payment="Where it is not known how somebody pays, prices that depend on it do not apply.",
    fed_back="What the vehicle feeds back is measured by a register of its own, and its price is taken off the bill.",
    fed_back_beside_limits="The limits hold for what is charged; what is paid for energy fed back is taken off after them.",
)

GERMAN_SHEET = SheetWords(
    limits="Grenzen",
    conditions_only="Zu allen anderen Zeiten gibt es hierfür keinen Preis: es ist kostenlos.",
    free_dimensions="Kostenlos: {}.",
    step="In Schritten von {}: die Summe des Ladevorgangs wird aufgerundet, ein begonnener Schritt voll bezahlt.",
    step_time_and_parking="Hat ein Ladevorgang Ladezeit und Standzeit, so wird nur die Standzeit aufgerundet.",
    net="{} netto",
    gross="{} brutto",
    tax="{} % {}",
    tax_then="{}, und darauf {}",
    vat="Mehrwertsteuer",
    includes="Enthält {}.",
    set_net="Die Preise sind netto festgelegt; die Steuern kommen hinzu.",
    set_gross="Die Preise sind einschließlich der Steuern festgelegt; Nettobeträge werden herausgerechnet.",
    set_untaxed="Auf keinen Preis fallen Steuern an.",
    taxes_open="Der Tarif sagt nicht, welche Steuern auf einige seiner Preise anfallen; wer sie kennt, rechnet sie hinzu.",
    in_force="Gültig ab {}",
    until="bis {}",
    limit_minimum="mindestens",
    limit_maximum="höchstens",
    first_match="Von den Preisen einer Art gilt der erste dieser Liste, dessen Bedingungen im Augenblick zutreffen.",
    clock="Uhrzeiten, Wochentage und Daten sind die des Standorts.",
    night="Nach Mitternacht ist der nächste Tag: wird er nicht genannt, so endet ein Fenster über Mitternacht dort.",
    idle="Standzeit ist die Zeit, in der das Fahrzeug keine Leistung anfordert.",
    flat_once="Die Startgebühr fällt einmal je Ladevorgang an: die erste, die eintritt.",
    flat_once_at_start="Welche Startgebühr anfällt, entscheidet sich einmal, beim Beginn der Transaktion.",
    reservation="Eine Reservierung wird berechnet, von da an, wo sie gemacht wird, bis zum Beginn des Ladevorgangs.",
    reservation_at_start="Welcher Reservierungspreis gilt, entscheidet sich einmal, beim Beginn der Transaktion.",
    expired_lacks="Wofür eine verfallene Reservierung keinen Preis hat, das wird berechnet wie bei einer genutzten.",
    expired_unpriced="Eine Reservierung, die ungenutzt verfällt, kostet nichts.",
    minimum_ocpi="Der Mindestpreis hebt den Betrag des Ladevorgangs an: vor Steuern und danach, jeder für sich.",
    maximum_ocpi="Der Höchstpreis senkt den Betrag des Ladevorgangs: vor Steuern und danach, jeder für sich.",
    minimum_ocpp="Ein Ladevorgang, der unter dem Mindestpreis bleibt, kostet ihn anstelle aller anderen Preise.",
    maximum_ocpp="Der Höchstpreis friert die Kosten ein: ist er vor oder nach Steuern erreicht, kommt nichts mehr hinzu.",
    measured="Wo Leistung oder Strom nicht gemessen wird, gelten Preise nicht, die davon abhängen.",
    payment="Wo nicht bekannt ist, wie jemand zahlt, gelten Preise nicht, die davon abhängen.",
    fed_back="Was das Fahrzeug zurückspeist, misst ein eigenes Zählwerk; sein Preis wird von der Rechnung abgezogen.",
    fed_back_beside_limits="Die Grenzen gelten für das, was berechnet wird; die Vergütung wird danach abgezogen.",
)

_LANGUAGES = {"en": ENGLISH_SHEET, "de": GERMAN_SHEET}


def sheet_words_for(language: str) -> SheetWords:
    return _LANGUAGES.get(language[:2].lower(), ENGLISH_SHEET)
