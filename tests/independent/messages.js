// What the stations of `ocpp-rpc` say: a whole session in OCPP 1.6 and in 2.0.1, from the boot to the cable's end.
'use strict';

const minutesOf = (begin) => (number) => new Date(Date.parse(begin) + number * 60000).toISOString();

// Each is a call, or makes one of what was answered before.
exports['ocpp1.6'] = (token, begin) => {
    const minute = minutesOf(begin);
    const connectorId = 2;
    const status = (status, at) => ['StatusNotification', { connectorId, errorCode: 'NoError', status, timestamp: minute(at) }];
    const started = (answers) => answers.find(([action]) => action === 'StartTransaction')[1].transactionId;
    const energy = (wh) => [{ value: String(wh), measurand: 'Energy.Active.Import.Register', unit: 'Wh' }];
    return [
        ['BootNotification', { chargePointVendor: 'Example', chargePointModel: 'AC22' }],
        status('Available', 0),
        ['Heartbeat', {}],
        status('Preparing', 1),
        ['Authorize', { idTag: token }],
        ['StartTransaction', { connectorId, idTag: token, meterStart: 100000, timestamp: minute(2) }],
        status('Charging', 2),
        (answers) => ['MeterValues', {
            connectorId,
            transactionId: started(answers),
            meterValue: [{ timestamp: minute(30), sampledValue: energy(105000) }],
        }],
        status('SuspendedEV', 55),
        (answers) => ['StopTransaction', {
            transactionId: started(answers),
            idTag: token,
            meterStop: 107550,
            timestamp: minute(60),
            reason: 'EVDisconnected',
            transactionData: [{ timestamp: minute(60), sampledValue: energy(107550) }],
        }],
        status('Available', 61),
        ['DataTransfer', { vendorId: 'com.example', data: 'x' }],
    ];
};

exports['ocpp2.0.1'] = (token, begin) => {
    const minute = minutesOf(begin);
    const evse = { id: 1, connectorId: 1 };
    const idToken = { idToken: token, type: 'ISO14443' };
    const status = (connectorStatus, at) =>
        ['StatusNotification', { timestamp: minute(at), connectorStatus, evseId: evse.id, connectorId: evse.connectorId }];
    let seqNo = 0;
    const event = (eventType, triggerReason, chargingState, at, wh, context, more) => ['TransactionEvent', {
        eventType,
        timestamp: minute(at),
        triggerReason,
        seqNo: seqNo++,
        transactionInfo: { transactionId: 'tx-201', chargingState },
        meterValue: [{ timestamp: minute(at), sampledValue: [{ value: wh, context, unitOfMeasure: { unit: 'Wh' } }] }],
        ...more,
    }];
    const ended = event.bind(null, 'Ended', 'EVCommunicationLost', 'Idle');
    return [
        ['BootNotification', { reason: 'PowerUp', chargingStation: { model: 'DC150', vendorName: 'Example' } }],
        status('Available', 0),
        ['Heartbeat', {}],
        status('Occupied', 1),
        ['Authorize', { idToken }],
        event('Started', 'Authorized', 'Charging', 2, 1000, 'Transaction.Begin', { evse, idToken }),
        event('Updated', 'MeterValuePeriodic', 'Charging', 30, 6000.5, 'Sample.Periodic'),
        event('Updated', 'ChargingStateChanged', 'SuspendedEV', 55, 9000, 'Sample.Periodic'),
        ended(60, 9000, 'Transaction.End'),
        status('Available', 61),
        ['DataTransfer', { vendorId: 'com.example', data: 'x' }],
    ];
};
