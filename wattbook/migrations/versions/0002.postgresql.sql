CREATE TABLE log_raw (
    position BIGINT NOT NULL,
    cause BIGINT NOT NULL,
    lane SMALLINT NOT NULL,
    id BYTEA NOT NULL,
    link BYTEA NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    body BYTEA NOT NULL,
    CONSTRAINT log_raw_pkey PRIMARY KEY (lane, position),
    CONSTRAINT log_raw_id UNIQUE (id, lane),
    CONSTRAINT log_raw_id_is_a_hash CHECK (octet_length(id) = 32)
);

DO $$ BEGIN ALTER TABLE log_raw ALTER COLUMN body SET COMPRESSION lz4;
    EXCEPTION WHEN feature_not_supported THEN NULL; END $$;

CREATE OR REPLACE FUNCTION streams_refuses() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = TG_ARGV[0]; END $$;

CREATE TRIGGER log_raw_refuses_update BEFORE UPDATE ON log_raw FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('the log is evidence: what is stored is never changed or removed');

CREATE TRIGGER log_raw_refuses_delete BEFORE DELETE ON log_raw FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('the log is evidence: what is stored is never changed or removed');

CREATE TRIGGER log_raw_refuses_truncate BEFORE TRUNCATE ON log_raw FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('the log is evidence: what is stored is never changed or removed');

CREATE TABLE log_reference (
    position BIGINT NOT NULL,
    cause BIGINT NOT NULL,
    lane SMALLINT NOT NULL,
    id BYTEA NOT NULL,
    link BYTEA NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    body BYTEA NOT NULL,
    CONSTRAINT log_reference_pkey PRIMARY KEY (lane, position),
    CONSTRAINT log_reference_id UNIQUE (id, lane),
    CONSTRAINT log_reference_id_is_a_hash CHECK (octet_length(id) = 32)
);

DO $$ BEGIN ALTER TABLE log_reference ALTER COLUMN body SET COMPRESSION lz4;
    EXCEPTION WHEN feature_not_supported THEN NULL; END $$;

CREATE TRIGGER log_reference_refuses_update BEFORE UPDATE ON log_reference FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('the log is evidence: what is stored is never changed or removed');

CREATE TRIGGER log_reference_refuses_delete BEFORE DELETE ON log_reference FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('the log is evidence: what is stored is never changed or removed');

CREATE TRIGGER log_reference_refuses_truncate BEFORE TRUNCATE ON log_reference FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('the log is evidence: what is stored is never changed or removed');

CREATE TABLE log_commands (
    position BIGINT NOT NULL,
    cause BIGINT NOT NULL,
    lane SMALLINT NOT NULL,
    id BYTEA NOT NULL,
    link BYTEA NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    body BYTEA NOT NULL,
    CONSTRAINT log_commands_pkey PRIMARY KEY (lane, position),
    CONSTRAINT log_commands_id UNIQUE (id, lane),
    CONSTRAINT log_commands_id_is_a_hash CHECK (octet_length(id) = 32)
);

DO $$ BEGIN ALTER TABLE log_commands ALTER COLUMN body SET COMPRESSION lz4;
    EXCEPTION WHEN feature_not_supported THEN NULL; END $$;

CREATE TRIGGER log_commands_refuses_update BEFORE UPDATE ON log_commands FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('the log is evidence: what is stored is never changed or removed');

CREATE TRIGGER log_commands_refuses_delete BEFORE DELETE ON log_commands FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('the log is evidence: what is stored is never changed or removed');

CREATE TRIGGER log_commands_refuses_truncate BEFORE TRUNCATE ON log_commands FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('the log is evidence: what is stored is never changed or removed');

CREATE TABLE log_events (
    position BIGINT NOT NULL,
    cause BIGINT NOT NULL,
    lane SMALLINT NOT NULL,
    id BYTEA NOT NULL,
    link BYTEA NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    body BYTEA NOT NULL,
    CONSTRAINT log_events_pkey PRIMARY KEY (lane, position),
    CONSTRAINT log_events_id UNIQUE (id, lane),
    CONSTRAINT log_events_id_is_a_hash CHECK (octet_length(id) = 32)
);

DO $$ BEGIN ALTER TABLE log_events ALTER COLUMN body SET COMPRESSION lz4;
    EXCEPTION WHEN feature_not_supported THEN NULL; END $$;

CREATE TRIGGER log_events_refuses_update BEFORE UPDATE ON log_events FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('the log is evidence: what is stored is never changed or removed');

CREATE TRIGGER log_events_refuses_delete BEFORE DELETE ON log_events FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('the log is evidence: what is stored is never changed or removed');

CREATE TRIGGER log_events_refuses_truncate BEFORE TRUNCATE ON log_events FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('the log is evidence: what is stored is never changed or removed');

CREATE TABLE log_conclusions (
    position BIGINT NOT NULL,
    cause BIGINT NOT NULL,
    lane SMALLINT NOT NULL,
    id BYTEA NOT NULL,
    link BYTEA NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    body BYTEA NOT NULL,
    CONSTRAINT log_conclusions_pkey PRIMARY KEY (lane, position),
    CONSTRAINT log_conclusions_id UNIQUE (id, lane),
    CONSTRAINT log_conclusions_id_is_a_hash CHECK (octet_length(id) = 32)
);

DO $$ BEGIN ALTER TABLE log_conclusions ALTER COLUMN body SET COMPRESSION lz4;
    EXCEPTION WHEN feature_not_supported THEN NULL; END $$;

CREATE TRIGGER log_conclusions_refuses_update BEFORE UPDATE ON log_conclusions FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('the log is evidence: what is stored is never changed or removed');

CREATE TRIGGER log_conclusions_refuses_delete BEFORE DELETE ON log_conclusions FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('the log is evidence: what is stored is never changed or removed');

CREATE TRIGGER log_conclusions_refuses_truncate BEFORE TRUNCATE ON log_conclusions FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('the log is evidence: what is stored is never changed or removed');

CREATE TABLE log_quarantine (
    position BIGINT NOT NULL,
    cause BIGINT NOT NULL,
    lane SMALLINT NOT NULL,
    id BYTEA NOT NULL,
    link BYTEA NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    body BYTEA NOT NULL,
    CONSTRAINT log_quarantine_pkey PRIMARY KEY (lane, position),
    CONSTRAINT log_quarantine_id UNIQUE (id, lane),
    CONSTRAINT log_quarantine_id_is_a_hash CHECK (octet_length(id) = 32)
);

DO $$ BEGIN ALTER TABLE log_quarantine ALTER COLUMN body SET COMPRESSION lz4;
    EXCEPTION WHEN feature_not_supported THEN NULL; END $$;

CREATE TRIGGER log_quarantine_refuses_update BEFORE UPDATE ON log_quarantine FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('the log is evidence: what is stored is never changed or removed');

CREATE TRIGGER log_quarantine_refuses_delete BEFORE DELETE ON log_quarantine FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('the log is evidence: what is stored is never changed or removed');

CREATE TRIGGER log_quarantine_refuses_truncate BEFORE TRUNCATE ON log_quarantine FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('the log is evidence: what is stored is never changed or removed');

CREATE TABLE log_head (
    lane SMALLINT NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    records BIGINT NOT NULL,
    position BIGINT NOT NULL,
    link BYTEA NOT NULL,
    PRIMARY KEY (lane, stream)
);

CREATE TRIGGER log_head_refuses_delete BEFORE DELETE ON log_head FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('the log is evidence: what is stored is never changed or removed');

CREATE TRIGGER log_head_refuses_truncate BEFORE TRUNCATE ON log_head FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('the log is evidence: what is stored is never changed or removed');

CREATE TRIGGER log_head_refuses_update BEFORE UPDATE ON log_head FOR EACH ROW WHEN (NOT (NEW.lane = OLD.lane AND NEW.stream = OLD.stream AND NEW.records > OLD.records AND NEW.position > OLD.position)) EXECUTE FUNCTION streams_refuses('a head of a stream moves forward only');

CREATE TABLE seal (
    topic TEXT COLLATE "C" NOT NULL,
    partition INTEGER NOT NULL,
    number BIGINT NOT NULL,
    last_offset BIGINT NOT NULL,
    line BYTEA NOT NULL,
    PRIMARY KEY (topic, partition, number)
);

CREATE TRIGGER seal_refuses_update BEFORE UPDATE ON seal FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('a checkpoint is evidence: it is never changed or removed');

CREATE TRIGGER seal_refuses_delete BEFORE DELETE ON seal FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('a checkpoint is evidence: it is never changed or removed');

CREATE TRIGGER seal_refuses_truncate BEFORE TRUNCATE ON seal FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('a checkpoint is evidence: it is never changed or removed');

CREATE TABLE state (
    key TEXT COLLATE "C" NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (key)
)
 WITH (fillfactor = 70);

DO $$ BEGIN ALTER TABLE state ALTER COLUMN body SET COMPRESSION lz4;
    EXCEPTION WHEN feature_not_supported THEN NULL; END $$;

CREATE TABLE position (
    lane SMALLINT NOT NULL,
    consumer TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (lane, consumer)
);

CREATE TABLE session (
    session TEXT COLLATE "C" NOT NULL,
    station TEXT COLLATE "C" NOT NULL,
    progress TEXT COLLATE "C" NOT NULL,
    finding TEXT COLLATE "C",
    transaction TEXT COLLATE "C",
    evse BIGINT,
    start TEXT COLLATE "C",
    "end" TEXT COLLATE "C",
    ended_on TEXT COLLATE "C",
    energy_wh TEXT COLLATE "C",
    contract TEXT COLLATE "C",
    partner TEXT COLLATE "C",
    total TEXT COLLATE "C",
    currency TEXT COLLATE "C",
    invoice TEXT COLLATE "C",
    closed_at BIGINT,
    checked_at BIGINT,
    rated_at BIGINT,
    lane SMALLINT DEFAULT '0' NOT NULL,
    PRIMARY KEY (session)
);

CREATE INDEX session_progress ON session (progress, ended_on);

CREATE INDEX session_start ON session (start);

CREATE TABLE document (
    number TEXT COLLATE "C" NOT NULL,
    contract TEXT COLLATE "C" NOT NULL,
    issued_on TEXT COLLATE "C" NOT NULL,
    month TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    total TEXT COLLATE "C" NOT NULL,
    issued_at BIGINT NOT NULL,
    PRIMARY KEY (number)
);

CREATE TABLE invoiced (
    session TEXT COLLATE "C" NOT NULL,
    number TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (session)
);

CREATE TRIGGER invoiced_refuses_update BEFORE UPDATE ON invoiced FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('a session stays on its invoice');

CREATE TRIGGER invoiced_refuses_delete BEFORE DELETE ON invoiced FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('a session stays on its invoice');

CREATE TRIGGER invoiced_refuses_truncate BEFORE TRUNCATE ON invoiced FOR EACH STATEMENT EXECUTE FUNCTION streams_refuses('a session stays on its invoice');

CREATE TABLE entry (
    number BIGINT NOT NULL,
    id BYTEA NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    version INTEGER NOT NULL,
    effective_at TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    cause BIGINT NOT NULL,
    recorded_at TEXT COLLATE "C" NOT NULL,
    link BYTEA NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (id)
);

CREATE INDEX entry_subject ON entry (subject);

CREATE OR REPLACE FUNCTION ledger_refuses() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = TG_ARGV[0]; END $$;

CREATE TRIGGER entry_refuses_update BEFORE UPDATE ON entry FOR EACH ROW WHEN (TRUE) EXECUTE FUNCTION ledger_refuses('an entry is never changed: reverse it');

CREATE TRIGGER entry_refuses_delete BEFORE DELETE ON entry FOR EACH ROW WHEN (TRUE) EXECUTE FUNCTION ledger_refuses('an entry is never deleted: reverse it');

CREATE TRIGGER entry_refuses_truncate BEFORE TRUNCATE ON entry FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuses('an entry is never deleted: reverse it');

CREATE TABLE posting (
    entry BIGINT NOT NULL,
    line INTEGER NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    amount_micro BIGINT NOT NULL,
    PRIMARY KEY (entry, line)
);

CREATE TRIGGER posting_refuses_update BEFORE UPDATE ON posting FOR EACH ROW WHEN (TRUE) EXECUTE FUNCTION ledger_refuses('a posting is never changed: reverse its entry');

CREATE TRIGGER posting_refuses_delete BEFORE DELETE ON posting FOR EACH ROW WHEN (TRUE) EXECUTE FUNCTION ledger_refuses('a posting is never deleted: reverse its entry');

CREATE TRIGGER posting_refuses_truncate BEFORE TRUNCATE ON posting FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuses('a posting is never deleted: reverse its entry');

CREATE TABLE balance (
    account TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    debit_micro BIGINT NOT NULL,
    credit_micro BIGINT NOT NULL,
    PRIMARY KEY (account, currency),
    CONSTRAINT balance_sums_are_not_negative CHECK (debit_micro >= 0 AND credit_micro >= 0)
);

CREATE TRIGGER balance_refuses_update BEFORE UPDATE ON balance FOR EACH ROW WHEN (NEW.debit_micro < OLD.debit_micro OR NEW.credit_micro < OLD.credit_micro) EXECUTE FUNCTION ledger_refuses('a balance only grows');

CREATE TRIGGER balance_refuses_delete BEFORE DELETE ON balance FOR EACH ROW WHEN (TRUE) EXECUTE FUNCTION ledger_refuses('a balance is never deleted');

CREATE TRIGGER balance_refuses_truncate BEFORE TRUNCATE ON balance FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuses('a balance is never deleted');

CREATE TABLE ledger_head (
    one INTEGER NOT NULL CHECK (one = 1),
    number BIGINT NOT NULL,
    link BYTEA NOT NULL,
    PRIMARY KEY (one)
);

CREATE TRIGGER ledger_head_refuses_update BEFORE UPDATE ON ledger_head FOR EACH ROW WHEN (NEW.number <= OLD.number) EXECUTE FUNCTION ledger_refuses('the chain only grows');

CREATE TRIGGER ledger_head_refuses_delete BEFORE DELETE ON ledger_head FOR EACH ROW WHEN (TRUE) EXECUTE FUNCTION ledger_refuses('the chain is never cut');

CREATE TRIGGER ledger_head_refuses_truncate BEFORE TRUNCATE ON ledger_head FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuses('the chain is never cut');
