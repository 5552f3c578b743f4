// A small CSMS of the package `ocpp-rpc`, in its strict mode, for stations that come through a tap.
//
//     node csms.js          prints its port, then a line of JSON for whatever breaks a schema or is no message
//
// It ends when its standard input does.
'use strict';

const { createServer } = require('http');
const { RPCServer, createValidator } = require('ocpp-rpc');
const schemas21 = require('ocpp-rpc/lib/schemas/ocpp2_1.json');

// The package has the schemas of OCPP 2.1 under other names than those that it looks for.
const named = ($id) => $id.replace(/Request$/, '.req').replace(/Response$/, '.conf');
const validator21 = createValidator('ocpp2.1', schemas21.map((schema) => ({ ...schema, $id: named(schema.$id) })));

const protocols = ['ocpp1.6', 'ocpp2.0.1', 'ocpp2.1'];
const csms = new RPCServer({ protocols, strictMode: true, strictModeValidators: [validator21] });
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
let transactions = 0;

const answers = (is16) => {
    const accepted = { status: 'Accepted' };
    const holder = is16 ? { idTagInfo: accepted } : { idTokenInfo: accepted };
    return {
        BootNotification: () => ({ ...accepted, currentTime: new Date().toISOString(), interval: 300 }),
        Heartbeat: () => ({ currentTime: new Date().toISOString() }),
        Authorize: () => holder,
        StatusNotification: () => ({}),
        StartTransaction: () => ({ transactionId: ++transactions, ...holder }),
        MeterValues: () => ({}),
        StopTransaction: () => holder,
        TransactionEvent: ({ idToken }) => (idToken ? holder : {}),
        DataTransfer: () => ({ status: 'UnknownVendorId' }),
    };
};

csms.auth((accept) => accept());
csms.on('client', (station) => {
    station.on('strictValidationFailure', ({ method, outbound, error, params, result }) =>
        say({ method, outbound, error: String(error), details: error.details, params, result }));
    station.on('badMessage', ({ error }) => say({ error: String(error) }));
    for (const [action, answer] of Object.entries(answers(station.protocol === 'ocpp1.6'))) {
        station.handle(action, ({ params }) => answer(params));
    }
    station.handle('BootNotification', ({ params, messageId }) => {
        // A call of ours goes the other way through the tap.
        setTimeout(() => station.call('TriggerMessage', { requestedMessage: 'Heartbeat' }).catch(say), 0);
        return answers(station.protocol === 'ocpp1.6').BootNotification(params, messageId);
    });
});

const http = createServer((_, response) => response.writeHead(404).end());
http.on('upgrade', csms.handleUpgrade);
http.listen(0, '127.0.0.1', () => process.stdout.write(`${http.address().port}\n`));
process.stdin.resume().on('end', () => process.exit());
