"""Who may call what, in each version: actions as data, from the messages' chapters of the three standards.

`COMMANDS_*` are called by a CSMS only. `NOTED_*` are called by a station and answered with an empty payload: the station
tells, and all there is to do is to have it on record. What is in neither is answered by a rule in `ingest.answers`.
"""

from typing import Final


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


NOTED_16: Final = _names("""
    DiagnosticsStatusNotification FirmwareStatusNotification LogStatusNotification MeterValues SecurityEventNotification
    SignedFirmwareStatusNotification StatusNotification
""")

COMMANDS_16: Final = _names("""
    CancelReservation CertificateSigned ChangeAvailability ChangeConfiguration ClearCache ClearChargingProfile
    DeleteCertificate ExtendedTriggerMessage GetCompositeSchedule GetConfiguration GetDiagnostics GetInstalledCertificateIds
    GetLocalListVersion GetLog InstallCertificate RemoteStartTransaction RemoteStopTransaction ReserveNow Reset
    SendLocalList SetChargingProfile SignedUpdateFirmware TriggerMessage UnlockConnector UpdateFirmware
""")

NOTED_201: Final = _names("""
    ClearedChargingLimit FirmwareStatusNotification LogStatusNotification MeterValues NotifyChargingLimit
    NotifyCustomerInformation NotifyDisplayMessages NotifyEvent NotifyMonitoringReport NotifyReport
    PublishFirmwareStatusNotification ReportChargingProfiles ReservationStatusUpdate SecurityEventNotification
    StatusNotification
""")

COMMANDS_201: Final = _names("""
    CancelReservation CertificateSigned ChangeAvailability ClearCache ClearChargingProfile ClearDisplayMessage
    ClearVariableMonitoring CostUpdated CustomerInformation DeleteCertificate GetBaseReport GetChargingProfiles
    GetCompositeSchedule GetDisplayMessages GetInstalledCertificateIds GetLocalListVersion GetLog GetMonitoringReport
    GetReport GetTransactionStatus GetVariables InstallCertificate PublishFirmware RequestStartTransaction
    RequestStopTransaction ReserveNow Reset SendLocalList SetChargingProfile SetDisplayMessage SetMonitoringBase
    SetMonitoringLevel SetNetworkProfile SetVariableMonitoring SetVariables TriggerMessage UnlockConnector UnpublishFirmware
    UpdateFirmware
""")

NOTED_21: Final = NOTED_201 | _names("""
    BatterySwap ClosePeriodicEventStream NotifyDERAlarm NotifyDERStartStop NotifyPriorityCharging NotifySettlement
    ReportDERControl
""")

COMMANDS_21: Final = COMMANDS_201 | _names("""
    AFRRSignal AdjustPeriodicEventStream ChangeTransactionTariff ClearDERControl ClearTariffs GetDERControl
    GetPeriodicEventStream GetTariffs NotifyAllowedEnergyTransfer NotifyWebPaymentStarted RequestBatterySwap SetDERControl
    SetDefaultTariff UpdateDynamicSchedule UsePriorityCharging
""")

# Called by a station, and answered with more than an empty payload.
ASKED: Final = _names("""
    Authorize BootNotification DataTransfer Get15118EVCertificate GetCertificateChainStatus GetCertificateStatus Heartbeat
    NotifyEVChargingNeeds NotifyEVChargingSchedule NotifyPeriodicEventStream OpenPeriodicEventStream PullDynamicScheduleUpdate
    SignCertificate StartTransaction StopTransaction TransactionEvent VatNumberValidation
""")
