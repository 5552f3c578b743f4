ALTER TABLE position RENAME TO position_0001;

CREATE TABLE position (
    lane SMALLINT NOT NULL,
    consumer VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (lane, consumer)
);

INSERT INTO position (lane, consumer, position) SELECT 0, consumer, position FROM position_0001;

DROP TABLE position_0001;

DROP INDEX session_progress;

DROP INDEX session_start;

ALTER TABLE session RENAME TO session_0001;

CREATE TABLE session (
    session VARCHAR NOT NULL,
    station VARCHAR NOT NULL,
    progress VARCHAR NOT NULL,
    finding VARCHAR,
    "transaction" VARCHAR,
    evse BIGINT,
    start VARCHAR,
    "end" VARCHAR,
    ended_on VARCHAR,
    energy_wh VARCHAR,
    contract VARCHAR,
    partner VARCHAR,
    total VARCHAR,
    currency VARCHAR,
    invoice VARCHAR,
    closed_at BIGINT,
    checked_at BIGINT,
    rated_at BIGINT,
    lane SMALLINT DEFAULT '0' NOT NULL,
    PRIMARY KEY (session)
);

INSERT INTO session (session, station, progress, finding, "transaction", evse, start, "end", ended_on, energy_wh, contract,
        partner, total, currency, invoice, closed_at, checked_at, rated_at)
    SELECT session, station, progress, finding, "transaction", evse, start, "end", ended_on, energy_wh, contract,
        partner, total, currency, invoice, closed_at, checked_at, rated_at FROM session_0001;

DROP TABLE session_0001;

CREATE INDEX session_progress ON session (progress, ended_on);

CREATE INDEX session_start ON session (start);

UPDATE log_schema SET version = 2;
