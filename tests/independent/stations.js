// Stations of the package `ocpp-rpc`, in its strict mode: its schemas check what is sent and what comes back.
//
//     node stations.js '[{"endpoint": "ws://…/ocpp", "protocol": "ocpp1.6", "name": "HAM-0001", "token": "…", "begin": "…"}, …]'
//
// Prints for each, as one JSON array: the answers, the calls that it was sent, and whatever broke a schema or was no message.
'use strict';

const { setTimeout: sleep } = require('timers/promises');
const { RPCClient } = require('ocpp-rpc');
const messages = require('./messages.js');

const ANSWERS = {
    DataTransfer: { status: 'Accepted' },
    CostUpdated: {},
    TriggerMessage: { status: 'Accepted' },
};

async function talk({ endpoint, protocol, name, token, begin }) {
    const station = new RPCClient({ endpoint, identity: name, protocols: [protocol], strictMode: true, reconnect: false });
    const answers = [];
    const called = [];
    const broken = [];
    station.on('strictValidationFailure', ({ method, outbound, error, params, result }) =>
        broken.push({ method, outbound, error: String(error), details: error.details, params, result }));
    station.on('badMessage', ({ error }) => broken.push({ error: String(error) }));
    station.handle(({ method, params }) => {
        called.push([method, params]);
        return ANSWERS[method];
    });
    await station.connect();
    for (const message of messages[protocol](token, begin)) {
        const [action, payload] = typeof message === 'function' ? message(answers) : message;
        answers.push([action, await station.call(action, payload, { callTimeoutMs: 120000 })]);
    }
    await sleep(300); // what follows an answer
    await station.close();
    return { name, protocol: station.protocol, answers, called, broken };
}

Promise.all(JSON.parse(process.argv[2]).map(talk)).then(
    (results) => process.stdout.write(JSON.stringify(results)),
    (error) => {
        process.stderr.write(`${error.stack}\n`);
        process.exitCode = 1;
    },
);
