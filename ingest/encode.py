"""Messages to stations: what a session costs, while it runs and when it has ended. Pure; amounts keep their digits.

OCPP 2.0.1 and 2.1 have CostUpdated for it (part 2, I02). 1.6 has no word for money: there the OCA application note "OCPP &
California Pricing Requirements" sends a DataTransfer whose `data` is JSON as a string, with RunningCost or FinalCost in it.
"""

from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from ingest.wire import Payload, call, json_text, number, time_text
from vocabulary.identity import TransactionId
from vocabulary.quantities import WattHours

COST_VENDOR: Final = "org.openchargealliance.costmsg"


def cost_updated_201(message_id: str, transaction: TransactionId, total: Decimal) -> str:
    """The cost so far, taxes included, in the currency that the station is configured with."""
    return call(message_id, "CostUpdated", {"totalCost": number(total), "transactionId": transaction})


def running_cost_16(
    message_id: str,
    transaction: TransactionId,
    at: datetime,
    meter_wh: WattHours,
    cost: Decimal,
    state: Literal["Charging", "Idle"],
) -> str:
    """`meter_wh` is the register at `at`; it travels in whole Wh, the fraction cut off."""
    data = {
        "transactionId": int(transaction),
        "timestamp": time_text(at),
        "meterValue": int(meter_wh),
        "cost": number(cost),
        "state": state,
    }
    return _cost_message_16(message_id, "RunningCost", data)


def final_cost_16(message_id: str, transaction: TransactionId, cost: Decimal, price_text: str) -> str:
    """`price_text` is what the display shows: how the cost came about, in the driver's language."""
    data = {"transactionId": int(transaction), "cost": number(cost), "priceText": price_text}
    return _cost_message_16(message_id, "FinalCost", data)


def _cost_message_16(message_id: str, kind: str, data: Payload) -> str:
    return call(message_id, "DataTransfer", {"vendorId": COST_VENDOR, "messageId": kind, "data": json_text(data)})
