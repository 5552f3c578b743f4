"""Whether a 2.x station waited for a vehicle in vain: of such a transaction nothing is billed.

The station says so by stoppedReason Timeout, and everything else that it tells must fit: no trigger, no charging state and no
value that there is only with a vehicle. What the register shows may be told, as long as it stands still.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from streams.registers import Kind
from vocabulary.charging import ChargingState, Sample, TransactionEnded, TransactionStarted, TransactionUpdated

if TYPE_CHECKING:
    from streams.said import End, Said

NO_VEHICLE_CAME = "Timeout"  # stoppedReason, part 2 ReasonEnumType
_WITHOUT_A_VEHICLE = frozenset(
    {"Authorized", "RemoteStart", "EVConnectTimeout", "MeterValueClock", "MeterValuePeriodic", "Trigger", "Deauthorized"}
)
_OF_ANY_SOCKET = frozenset({"Voltage", "Frequency", "Temperature"})
_REGISTER = "Energy.Active.Import.Register"


def tells_a_vehicle(event: TransactionStarted | TransactionUpdated | TransactionEnded) -> bool:
    """Whether anything in a message is there only where a vehicle is."""
    if event.trigger is not None and event.trigger not in _WITHOUT_A_VEHICLE:
        return True
    if event.charging_state not in (None, ChargingState.IDLE):
        return True
    return any(sample.value and not _is_of_the_socket(sample) for sample in event.samples)


def _is_of_the_socket(sample: Sample) -> bool:
    is_register = sample.measurand == _REGISTER and sample.location in ("Outlet", "Cable") and sample.phase is None
    return is_register or sample.measurand in _OF_ANY_SOCKET


def waited_in_vain(end: "End", counted: Sequence["Said"]) -> bool:
    """Of all messages that count for the session, none of which is missing."""
    if end.seq is None or end.reason != NO_VEHICLE_CAME or any(said.vehicle for said in counted):
        return False
    registers = [register for said in counted for register in said.registers]
    is_signed = any(said.signed for said in counted)
    stands_still = len({register.wh for register in registers}) <= 1 and all(r.kind is Kind.TOTAL for r in registers)
    return stands_still and bool(registers or not is_signed)
