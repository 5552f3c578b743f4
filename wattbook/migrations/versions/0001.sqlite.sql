CREATE TABLE log_schema (version INTEGER NOT NULL) STRICT;

CREATE TABLE log_raw (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL CHECK (length(id) = 32),
    key TEXT NOT NULL,
    body BLOB NOT NULL,
    cause INTEGER NOT NULL,
    link BLOB NOT NULL
) STRICT;

CREATE TABLE log_reference (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL CHECK (length(id) = 32),
    key TEXT NOT NULL,
    body BLOB NOT NULL,
    cause INTEGER NOT NULL,
    link BLOB NOT NULL
) STRICT;

CREATE TABLE log_commands (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL CHECK (length(id) = 32),
    key TEXT NOT NULL,
    body BLOB NOT NULL,
    cause INTEGER NOT NULL,
    link BLOB NOT NULL
) STRICT;

CREATE TABLE log_events (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL CHECK (length(id) = 32),
    key TEXT NOT NULL,
    body BLOB NOT NULL,
    cause INTEGER NOT NULL,
    link BLOB NOT NULL
) STRICT;

CREATE TABLE log_conclusions (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL CHECK (length(id) = 32),
    key TEXT NOT NULL,
    body BLOB NOT NULL,
    cause INTEGER NOT NULL,
    link BLOB NOT NULL
) STRICT;

CREATE TABLE log_quarantine (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL CHECK (length(id) = 32),
    key TEXT NOT NULL,
    body BLOB NOT NULL,
    cause INTEGER NOT NULL,
    link BLOB NOT NULL
) STRICT;

CREATE TABLE log_recent_id (
    fingerprint INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (fingerprint, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE log_settled_id (
    fingerprint INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (fingerprint, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE log_head (
    stream TEXT PRIMARY KEY,
    records INTEGER NOT NULL,
    position INTEGER NOT NULL,
    link BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER log_raw_refuses_update BEFORE UPDATE ON log_raw  BEGIN SELECT RAISE(ABORT, 'the log is evidence: what is stored is never changed or removed'); END;

CREATE TRIGGER log_raw_refuses_delete BEFORE DELETE ON log_raw  BEGIN SELECT RAISE(ABORT, 'the log is evidence: what is stored is never changed or removed'); END;

CREATE TRIGGER log_reference_refuses_update BEFORE UPDATE ON log_reference  BEGIN SELECT RAISE(ABORT, 'the log is evidence: what is stored is never changed or removed'); END;

CREATE TRIGGER log_reference_refuses_delete BEFORE DELETE ON log_reference  BEGIN SELECT RAISE(ABORT, 'the log is evidence: what is stored is never changed or removed'); END;

CREATE TRIGGER log_commands_refuses_update BEFORE UPDATE ON log_commands  BEGIN SELECT RAISE(ABORT, 'the log is evidence: what is stored is never changed or removed'); END;

CREATE TRIGGER log_commands_refuses_delete BEFORE DELETE ON log_commands  BEGIN SELECT RAISE(ABORT, 'the log is evidence: what is stored is never changed or removed'); END;

CREATE TRIGGER log_events_refuses_update BEFORE UPDATE ON log_events  BEGIN SELECT RAISE(ABORT, 'the log is evidence: what is stored is never changed or removed'); END;

CREATE TRIGGER log_events_refuses_delete BEFORE DELETE ON log_events  BEGIN SELECT RAISE(ABORT, 'the log is evidence: what is stored is never changed or removed'); END;

CREATE TRIGGER log_conclusions_refuses_update BEFORE UPDATE ON log_conclusions  BEGIN SELECT RAISE(ABORT, 'the log is evidence: what is stored is never changed or removed'); END;

CREATE TRIGGER log_conclusions_refuses_delete BEFORE DELETE ON log_conclusions  BEGIN SELECT RAISE(ABORT, 'the log is evidence: what is stored is never changed or removed'); END;

CREATE TRIGGER log_quarantine_refuses_update BEFORE UPDATE ON log_quarantine  BEGIN SELECT RAISE(ABORT, 'the log is evidence: what is stored is never changed or removed'); END;

CREATE TRIGGER log_quarantine_refuses_delete BEFORE DELETE ON log_quarantine  BEGIN SELECT RAISE(ABORT, 'the log is evidence: what is stored is never changed or removed'); END;

CREATE TRIGGER log_settled_id_refuses_update BEFORE UPDATE ON log_settled_id  BEGIN SELECT RAISE(ABORT, 'the log is evidence: what is stored is never changed or removed'); END;

CREATE TRIGGER log_settled_id_refuses_delete BEFORE DELETE ON log_settled_id  BEGIN SELECT RAISE(ABORT, 'the log is evidence: what is stored is never changed or removed'); END;

CREATE TRIGGER log_head_refuses_delete BEFORE DELETE ON log_head  BEGIN SELECT RAISE(ABORT, 'the log is evidence: what is stored is never changed or removed'); END;

CREATE TRIGGER log_head_refuses_update BEFORE UPDATE ON log_head WHEN NOT (NEW.stream = OLD.stream AND NEW.records > OLD.records AND NEW.position > OLD.position) BEGIN SELECT RAISE(ABORT, 'a stream''s head moves forward only'); END;

INSERT INTO log_head VALUES
    ('raw', 0, 0, zeroblob(32)),
    ('reference', 0, 0, zeroblob(32)),
    ('commands', 0, 0, zeroblob(32)),
    ('events', 0, 0, zeroblob(32)),
    ('conclusions', 0, 0, zeroblob(32)),
    ('quarantine', 0, 0, zeroblob(32));

INSERT INTO log_schema VALUES
    (1);

CREATE TABLE state (
    "key" VARCHAR NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY ("key")
);

CREATE TABLE position (
    consumer VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (consumer)
);

CREATE TABLE session (
    session VARCHAR NOT NULL,
    station VARCHAR NOT NULL,
    progress VARCHAR NOT NULL,
    finding VARCHAR,
    "transaction" VARCHAR,
    evse BIGINT,
    start VARCHAR,
    "end" VARCHAR,
    ended_on DATE,
    energy_wh VARCHAR,
    contract VARCHAR,
    partner VARCHAR,
    total VARCHAR,
    currency VARCHAR,
    invoice VARCHAR,
    closed_at BIGINT,
    checked_at BIGINT,
    rated_at BIGINT,
    PRIMARY KEY (session)
);

CREATE INDEX session_start ON session (start);

CREATE INDEX session_progress ON session (progress, ended_on);

CREATE TABLE document (
    number VARCHAR NOT NULL,
    contract VARCHAR NOT NULL,
    issued_on VARCHAR NOT NULL,
    month VARCHAR NOT NULL,
    currency VARCHAR NOT NULL,
    total VARCHAR NOT NULL,
    issued_at BIGINT NOT NULL,
    PRIMARY KEY (number)
);

CREATE TABLE invoiced (
    session VARCHAR NOT NULL,
    number VARCHAR NOT NULL,
    PRIMARY KEY (session)
);

CREATE TRIGGER IF NOT EXISTS invoiced_refuses_update BEFORE UPDATE ON invoiced BEGIN SELECT RAISE(ABORT, 'a session stays on its invoice'); END;

CREATE TRIGGER IF NOT EXISTS invoiced_refuses_delete BEFORE DELETE ON invoiced BEGIN SELECT RAISE(ABORT, 'a session stays on its invoice'); END;

CREATE TABLE entry (
    number INTEGER NOT NULL,
    id BLOB NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    version INTEGER NOT NULL,
    effective_at TEXT NOT NULL,
    currency TEXT NOT NULL,
    cause INTEGER NOT NULL,
    recorded_at TEXT NOT NULL,
    link BLOB NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (id)
)
 STRICT;

CREATE INDEX entry_subject ON entry (subject);

CREATE TABLE posting (
    entry INTEGER NOT NULL,
    line INTEGER NOT NULL,
    account TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_micro INTEGER NOT NULL,
    PRIMARY KEY (entry, line)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE balance (
    account TEXT NOT NULL,
    currency TEXT NOT NULL,
    debit_micro INTEGER NOT NULL,
    credit_micro INTEGER NOT NULL,
    PRIMARY KEY (account, currency),
    CONSTRAINT balance_sums_are_not_negative CHECK (debit_micro >= 0 AND credit_micro >= 0)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE ledger_head (
    one INTEGER NOT NULL CHECK (one = 1),
    number INTEGER NOT NULL,
    link BLOB NOT NULL,
    PRIMARY KEY (one)
)
 STRICT;

CREATE TRIGGER IF NOT EXISTS entry_refuses_update BEFORE UPDATE ON entry WHEN TRUE BEGIN SELECT RAISE(ABORT, 'an entry is never changed: reverse it'); END;

CREATE TRIGGER IF NOT EXISTS entry_refuses_delete BEFORE DELETE ON entry WHEN TRUE BEGIN SELECT RAISE(ABORT, 'an entry is never deleted: reverse it'); END;

CREATE TRIGGER IF NOT EXISTS posting_refuses_update BEFORE UPDATE ON posting WHEN TRUE BEGIN SELECT RAISE(ABORT, 'a posting is never changed: reverse its entry'); END;

CREATE TRIGGER IF NOT EXISTS posting_refuses_delete BEFORE DELETE ON posting WHEN TRUE BEGIN SELECT RAISE(ABORT, 'a posting is never deleted: reverse its entry'); END;

CREATE TRIGGER IF NOT EXISTS balance_refuses_update BEFORE UPDATE ON balance WHEN NEW.debit_micro < OLD.debit_micro OR NEW.credit_micro < OLD.credit_micro BEGIN SELECT RAISE(ABORT, 'a balance only grows'); END;

CREATE TRIGGER IF NOT EXISTS balance_refuses_delete BEFORE DELETE ON balance WHEN TRUE BEGIN SELECT RAISE(ABORT, 'a balance is never deleted'); END;

CREATE TRIGGER IF NOT EXISTS ledger_head_refuses_update BEFORE UPDATE ON ledger_head WHEN NEW.number <= OLD.number BEGIN SELECT RAISE(ABORT, 'the chain only grows'); END;

CREATE TRIGGER IF NOT EXISTS ledger_head_refuses_delete BEFORE DELETE ON ledger_head WHEN TRUE BEGIN SELECT RAISE(ABORT, 'the chain is never cut'); END;
