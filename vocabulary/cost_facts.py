"""Facts about prices and costs: what a station calculated, which tariff it had, what was shown (see `vocabulary.fact`).

    costDetails of a TransactionEvent                   CostCalculated, CostUnknown   2.1 part 2, I08, I12
    CostUpdated, totalCost, RunningCost, FinalCost      CostShown                     2.x part 2, I02, I03; OCA pricing note
    SetUserPrice, DefaultPrice, fallback texts          PriceShown                    OCA pricing note; 2.x part 2, I04, I05
    ConnectorUnplugged                                  ConnectorUnplugged            OCA pricing note, 1.6
    SetDefaultTariff, ChangeTransactionTariff, tariff   TariffSent                    2.1 part 2, I07, I11
    GetTariffs' answer                                  TariffsReported               2.1 part 2, I09
    ClearTariffs and its answer                         TariffsClearAsked, …Cleared   2.1 part 2, I10

Amounts are in the tariff's or the station's currency, as received, unrounded. What a display shows includes taxes.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from vocabulary.fact import Carried, Fact
from vocabulary.identity import EventId, TokenUid, TransactionId
from vocabulary.quantities import WattHours


class TaxRate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """2.1 TaxRateType. Rates of one stack are raised together, stack after stack (I12.FR.13)."""

    type: str
    percent: Decimal
    stack: int = 0


class Price(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """2.1 PriceType; None: the station did not say."""

    excl_tax: Decimal | None = None
    incl_tax: Decimal | None = None
    taxes: tuple[TaxRate, ...] = ()


class Volume(Struct, frozen=True, kw_only=True):
    """2.1 CostDimensionType. `type` as in the schema, whose `IdleTIme` is a misspelling: `IdleTime` is made that."""

    type: str
    volume: Decimal


class CostPeriod(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """2.1 ChargingPeriodType: runs until the next one starts."""

    start: datetime
    tariff: str | None = None
    dimensions: tuple[Volume, ...] = ()


class CostCalculated(Fact, frozen=True, kw_only=True, omit_defaults=True, tag="cost.calculated"):
    """The station's own calculation. Of a running cost there are no periods (errata 2025-09). It is a claim, not a bill.

    `charging_s` is told with and without idle time by different stations (schema against I12.FR.10).
    """

    of: EventId  # the transaction event that carried it
    transaction: TransactionId
    final: bool  # with the end
    currency: str
    kind: str  # NormalCost, MinCost, MaxCost
    total: Price
    fixed: Price | None = None
    energy: Price | None = None
    charging_time: Price | None = None
    idle_time: Price | None = None
    reservation_time: Price | None = None
    reservation_fixed: Price | None = None
    energy_wh: Decimal | None = None
    charging_s: Decimal | None = None
    idle_s: Decimal | None = None
    reservation_s: Decimal | None = None
    periods: tuple[CostPeriod, ...] = ()


class NoCost(StrEnum):
    """Why a transaction event that carries costDetails tells no cost."""

    FAILURE = "station_could_not_calculate_the_cost"
    UNREADABLE = "cost_details_cannot_be_read"


class CostUnknown(Fact, frozen=True, kw_only=True, tag="cost.unknown"):
    """The amounts of a failureToCalculate are zeros that mean nothing, so they are not kept: it is not a free session."""

    of: EventId
    transaction: TransactionId
    final: bool
    reason: NoCost


class CostShown(Carried, frozen=True, kw_only=True, omit_defaults=True, tag="cost.shown"):
    """A cost that the CSMS told a station to show. 0 means free; not known is not told (2.0.1 part 2, I03.FR.04)."""

    total: Decimal
    transaction: TransactionId | None = None  # None: it answers a transaction event, see MessageAsked
    final: bool | None = None  # None: the message does not say
    at: datetime | None = None
    meter_wh: WattHours | None = None
    state: str | None = None
    text: str | None = None


class PriceShown(Carried, frozen=True, kw_only=True, omit_defaults=True, tag="price.shown"):
    """A price that the CSMS told a station to show: to whoever presents `token`, or to all."""

    what: str  # SetUserPrice, DefaultPrice, or component.variable of 2.x
    text: str | None = None
    text_offline: str | None = None
    token: TokenUid | None = None
    per_kwh: Decimal | None = None
    per_hour: Decimal | None = None
    flat: Decimal | None = None


class ConnectorUnplugged(Fact, frozen=True, kw_only=True, omit_defaults=True, tag="connector.unplugged"):
    """1.6: where the bill stays open after the stop (CustomIdleFeeAfterStop), this ends the idle time."""

    at: datetime
    transaction: TransactionId


class TariffKind(StrEnum):
    DEFAULT = "DefaultTariff"
    DRIVER = "DriverTariff"
    TRANSACTION = "TransactionTariff"  # our word: of ChangeTransactionTariff


class TariffSent(Carried, frozen=True, kw_only=True, omit_defaults=True, tag="tariff.sent"):
    """A tariff that the CSMS gave a station; MessageAnswered tells whether it was taken. `document`: TariffType, as sent."""

    kind: TariffKind
    tariff: str
    document: str
    currency: str | None = None
    valid_from: datetime | None = None
    evse: int | None = None  # 0: all
    transaction: TransactionId | None = None


class Assignment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    tariff: str
    kind: str
    valid_from: datetime | None = None
    evses: tuple[int, ...] = ()
    tokens: tuple[TokenUid, ...] = ()


class TariffsReported(Carried, frozen=True, kw_only=True, omit_defaults=True, tag="tariff.reported"):
    """Which tariffs a station has, by its own answer."""

    assignments: tuple[Assignment, ...]


class TariffsClearAsked(Carried, frozen=True, kw_only=True, omit_defaults=True, tag="tariff.clear_asked"):
    """No tariffs and no EVSE: all are meant."""

    tariffs: tuple[str, ...] = ()
    evse: int | None = None


class Cleared(Struct, frozen=True, kw_only=True, omit_defaults=True):
    status: str
    tariff: str | None = None


class TariffsCleared(Carried, frozen=True, kw_only=True, omit_defaults=True, tag="tariff.cleared"):
    results: tuple[Cleared, ...]
