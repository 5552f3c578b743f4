"""All that a message may become: the events of transactions, and the facts beside them."""

from vocabulary.charging import ChargingEvent
from vocabulary.cost_facts import (
    ConnectorUnplugged,
    CostCalculated,
    CostShown,
    CostUnknown,
    PriceShown,
    TariffsClearAsked,
    TariffsCleared,
    TariffSent,
    TariffsReported,
)
from vocabulary.payment_facts import CompanyGiven, PaymentSettled, VatNumberAsked, WebPaymentStarted
from vocabulary.station_facts import (
    BatterySwapped,
    ComponentReported,
    LimitSet,
    MessageAnswered,
    MessageAsked,
    MessageFailed,
    RemoteStartAsked,
    ReservationAsked,
    ReservationChanged,
    StationBooted,
    StreamOpened,
    StreamReported,
    TokenAnswered,
    TokenPresented,
    TransactionStatusAnswered,
    TransactionStatusAsked,
    TransactionTerms,
)

AnyFact = (
    TokenPresented
    | TokenAnswered
    | TransactionTerms
    | LimitSet
    | MessageAsked
    | TransactionStatusAsked
    | TransactionStatusAnswered
    | RemoteStartAsked
    | ReservationAsked
    | ReservationChanged
    | StationBooted
    | BatterySwapped
    | ComponentReported
    | StreamOpened
    | StreamReported
    | MessageAnswered
    | MessageFailed
    | CostCalculated
    | CostUnknown
    | CostShown
    | PriceShown
    | ConnectorUnplugged
    | TariffSent
    | TariffsReported
    | TariffsClearAsked
    | TariffsCleared
    | PaymentSettled
    | CompanyGiven
    | WebPaymentStarted
    | VatNumberAsked
)
Decoded = ChargingEvent | AnyFact
