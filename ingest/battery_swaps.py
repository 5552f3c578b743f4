"""A swap of batteries as a transaction of two events: what goes in begins it, what comes out ends it (2.1 part 2, S).

    BatteryIn            TransactionStarted  seq 0    the states of charge of what the customer brought
    BatteryOut           TransactionEnded    seq 1    those of what he took
    BatteryOutTimeout    TransactionEnded    seq 1    nothing: he took none

No swap is a transaction of OCPP. But like one it is told in messages that come late, twice or never, and has a token, an EVSE
and two ends; so what holds for sessions holds for it. `requestId` joins the two, and names the transaction. The message has no
time: when it arrived is when it happened, and where no arrival is recorded nothing can be made of it.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from ingest.fields import Refused
from vocabulary.charging import BATTERY_SWAP, ChargingState, Protocol, Rejection, Sample, TransactionEnded, TransactionStarted
from vocabulary.decoded import Decoded
from vocabulary.identity import TransactionId
from vocabulary.station_facts import BatterySwapped


def with_swap(events: tuple[Decoded, ...], arrived: datetime | None) -> tuple[Decoded, ...]:
    """The events of a message, and what a swap among them is as a transaction."""
    return (*events, *(each for event in events if isinstance(event, BatterySwapped) for each in _told(event, arrived)))


def _told(swapped: BatterySwapped, arrived: datetime | None) -> Iterator[Decoded]:
    if arrived is None:
        raise Refused(Rejection.TIMESTAMP_UNREADABLE, "BatterySwap has no time, and its arrival is not recorded")
    transaction = TransactionId(f"{BATTERY_SWAP}:{swapped.request}")
    evse = min((battery.evse for battery in swapped.batteries if battery.evse is not None), default=None)
    match swapped.event:
        case "BatteryIn":
            yield TransactionStarted(
                station=swapped.station,
                protocol=Protocol.OCPP21,
                at=arrived,
                transaction=transaction,
                evse=evse,
                seq=0,
                token=swapped.token,
                token_type=swapped.token_type,
                trigger=BATTERY_SWAP,
                charging_state=ChargingState.EV_CONNECTED,
                samples=tuple(_states_of_charge(swapped, arrived, "Transaction.Begin")),
            )
        case "BatteryOut" | "BatteryOutTimeout":
            yield TransactionEnded(
                station=swapped.station,
                protocol=Protocol.OCPP21,
                at=arrived,
                transaction=transaction,
                evse=evse,
                seq=1,
                trigger=BATTERY_SWAP,
                reason=swapped.event,
                charging_state=ChargingState.IDLE,
                samples=tuple(_states_of_charge(swapped, arrived, "Transaction.End")),
            )
        case other:
            raise Refused(Rejection.FIELD_UNREADABLE, f"eventType: {other[:40]!r} is none of BatterySwapEventEnumType")


def _states_of_charge(swapped: BatterySwapped, at: datetime, context: str) -> Sequence[Sample]:
    """One for each battery; of one that tells none there is none, which the session sees."""
    told = [battery.soc_percent for battery in swapped.batteries]
    known = [soc for soc in told if soc is not None and 0 <= soc <= 100]
    if swapped.event == "BatteryOutTimeout" or len(known) < len(told):
        return ()
    return [Sample(at=at, value=soc, measurand="SoC", context=context, location="EV") for soc in known]
