DROP INDEX session_progress;

DROP INDEX session_start;

ALTER TABLE session RENAME TO session_0002;

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
    quality VARCHAR,
    revision BIGINT,
    heard_at VARCHAR,
    PRIMARY KEY (session)
);

INSERT INTO session (session, station, progress, finding, "transaction", evse, start, "end", ended_on, energy_wh, contract,
        partner, total, currency, invoice, closed_at, checked_at, rated_at, lane)
    SELECT session, station, progress, finding, "transaction", evse, start, "end", ended_on, energy_wh, contract,
        partner, total, currency, invoice, closed_at, checked_at, rated_at, lane FROM session_0002;

DROP TABLE session_0002;

CREATE INDEX session_progress ON session (progress, ended_on);

CREATE INDEX session_start ON session (start);
