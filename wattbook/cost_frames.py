"""What a session costs, as a frame for its station: CostUpdated for 2.x, the messages of the cost extension for 1.6."""

from ingest.encode import cost_updated_201, final_cost_16, running_cost_16
from vocabulary.charging import Protocol
from vocabulary.identity import TransactionId, digest
from vocabulary.money import plain
from vocabulary.quantities import kwh
from vocabulary.sessions import Activity
from wattbook.costs import Cost


def cost_frame(name: str, transaction: TransactionId, cost: Cost) -> str:
    """The frame that tells a station what a session costs so far, or in the end."""
    session, total = cost.session, cost.rated.total
    if session.protocol is not Protocol.OCPP16:
        return cost_updated_201(name, transaction, total)
    if cost.final:
        text = f"{plain(kwh(session.energy_wh))} kWh, {plain(total)} {cost.rated.currency}"
        return final_cost_16(name, transaction, total, text)
    idle = bool(session.stretches) and session.stretches[-1].activity is Activity.IDLE
    return running_cost_16(
        name, transaction, session.end, session.readings[-1].register_wh, total, "Idle" if idle else "Charging"
    )


def message_name(*parts: str) -> str:
    """A message id that says what it is about: the same message has the same id."""
    return digest(*(part.encode() for part in parts)).hex()[:32]
