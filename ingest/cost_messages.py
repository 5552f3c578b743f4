"""Prices, costs and tariffs on their way to a station, and what it says of them, as facts: `vocabulary.cost_facts`.

    1.6   DataTransfer of the OCA note "OCPP & California Pricing Requirements": JSON as a string in `data`; DefaultPrice by
          ChangeConfiguration
    2.x   CostUpdated (part 2, I02), also with the note's customData; texts and offline prices by SetVariables (I04, I05)
    2.1   SetDefaultTariff, ChangeTransactionTariff, ClearTariffs (I07, I10, I11)

A DataTransfer of another vendor, a key or a variable that is no price, is none of ours.
"""

from typing import Final

import msgspec

from ingest.encode import COST_VENDOR
from ingest.envelope import Origin
from ingest.fields import Refused, is_too_deep
from ingest.loose import Fields, fields, raw_text
from ingest.station_messages import Reader
from vocabulary.charging import Rejection
from vocabulary.cost_facts import ConnectorUnplugged, CostShown, PriceShown, TariffKind, TariffsClearAsked, TariffSent
from vocabulary.decoded import Decoded
from vocabulary.identity import TokenUid
from vocabulary.quantities import WattHours

_PRICE_VARIABLES: Final = frozenset(
    {"TariffFallbackMessage", "TotalCostFallbackMessage", "OfflineTariffFallbackMessage", "OfflineChargingPrice", "Currency"}
)


def note_to_station(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """DataTransfer to a station: SetUserPrice, RunningCost, FinalCost."""
    call, data = _note(payload)
    match call.text("messageId"):
        case "SetUserPrice":
            tag = data.text("idToken")
            return (_price(origin, "SetUserPrice", data, TokenUid(tag) if tag else None),)
        case "RunningCost":
            return (_shown(origin, data, "cost", final=False),)
        case "FinalCost":
            return (_shown(origin, data, "cost", final=True),)
        case _:
            return ()


def note_from_station(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """DataTransfer from a station: ConnectorUnplugged."""
    call, data = _note(payload)
    if call.text("messageId") != "ConnectorUnplugged":
        return ()
    transaction = data.transaction()
    if transaction is None:
        raise Refused(Rejection.FIELD_MISSING, "data.transactionId")
    return (ConnectorUnplugged(station=origin.station, at=data.need_instant("timestamp"), transaction=transaction),)


def _note(payload: msgspec.Raw) -> tuple[Fields, Fields]:
    """The call, and what is in its data: an object (2.x), or the text of one (1.6)."""
    call = fields(payload)
    if call.text("vendorId") != COST_VENDOR:
        return Fields({}), Fields({})
    return call, _inside(call, "data")


def _inside(call: Fields, name: str) -> Fields:
    text = call.text(name)
    if text is None:
        return call.part(name)
    if is_too_deep(text):
        raise Refused(Rejection.FIELD_UNREADABLE, f"{name}: nested too deeply")
    try:
        return fields(text)
    except msgspec.DecodeError:
        raise Refused(Rejection.FIELD_UNREADABLE, f"{name}: holds no JSON object") from None


def _shown(origin: Origin, data: Fields, cost: str, final: bool | None, extra: Fields | None = None) -> CostShown:
    """`extra`: where the note's fields are, if not beside the cost."""
    beside = data if extra is None else extra
    meter = beside.number("meterValue")
    return CostShown(
        **origin.carried(),
        total=data.need_number(cost),
        transaction=data.transaction(),
        final=final,
        at=beside.instant("timestamp"),
        meter_wh=None if meter is None else WattHours(meter),
        state=beside.text("state"),
        text=data.text("priceText"),
    )


def _price(origin: Origin, what: str, data: Fields, token: TokenUid | None = None) -> PriceShown:
    price = data.part("chargingPrice")
    return PriceShown(
        **origin.carried(),
        what=what,
        text=data.text("priceText"),
        text_offline=data.text("priceTextOffline"),
        token=token,
        per_kwh=price.number("kWhPrice"),
        per_hour=price.number("hourPrice"),
        flat=price.number("flatFee"),
    )


def change_configuration(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """1.6 §5.3: DefaultPrice is JSON as a string, DefaultPriceText,<language> in the note's later versions likewise."""
    call = fields(payload)
    key = call.text("key") or ""
    if key != "DefaultPrice" and not key.startswith("DefaultPriceText"):
        return ()
    return (_price(origin, key, _inside(call, "value")),)


def set_variables(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """2.x B05: the variables that a display shows as a price, with their values as texts."""
    facts = []
    for one in fields(payload).parts("setVariableData"):
        variable, value = one.part("variable"), one.text("attributeValue")
        names = (one.part("component").text("name"), variable.text("name"), variable.text("instance"))
        if names[1] in _PRICE_VARIABLES and value is not None:
            facts.append(PriceShown(**origin.carried(), what=".".join(name for name in names if name), text=value))
    return tuple(facts)


def cost_updated(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """2.x I02: the cost so far; `customData` of the note tells when and at which register."""
    call = fields(payload)
    return (_shown(origin, call, "totalCost", final=False, extra=call.part("customData")),)


def set_default_tariff(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """2.1 I07."""
    return (tariff_sent(origin, payload, TariffKind.DEFAULT),)


def change_transaction_tariff(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """2.1 I11."""
    return (tariff_sent(origin, payload, TariffKind.TRANSACTION),)


def tariff_sent(origin: Origin, payload: msgspec.Raw, kind: TariffKind) -> TariffSent:
    """The tariff in a message, as it stands there."""
    call = fields(payload)
    tariff = call.part("tariff")
    return TariffSent(
        **origin.carried(),
        kind=kind,
        tariff=tariff.need_text("tariffId"),
        document=raw_text(payload, "tariff"),
        currency=tariff.text("currency"),
        valid_from=tariff.instant("validFrom"),
        evse=call.integer("evseId"),
        transaction=call.transaction(),
    )


def clear_tariffs(origin: Origin, payload: msgspec.Raw) -> tuple[Decoded, ...]:
    """2.1 I10."""
    call = fields(payload)
    return (TariffsClearAsked(**origin.carried(), tariffs=call.texts("tariffIds"), evse=call.integer("evseId")),)


FROM_STATION: Final[dict[str, Reader]] = {"DataTransfer": note_from_station}
TO_STATION: Final[dict[str, Reader]] = {
    "DataTransfer": note_to_station,
    "ChangeConfiguration": change_configuration,
    "SetVariables": set_variables,
    "CostUpdated": cost_updated,
    "SetDefaultTariff": set_default_tariff,
    "ChangeTransactionTariff": change_transaction_tariff,
    "ClearTariffs": clear_tariffs,
}
