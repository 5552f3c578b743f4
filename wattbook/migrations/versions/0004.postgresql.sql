CREATE TABLE access_token (
    name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,
    last_four TEXT COLLATE "C" NOT NULL,
    created TEXT COLLATE "C" NOT NULL,
    revoked TEXT COLLATE "C",
    PRIMARY KEY (name),
    UNIQUE (digest)
);

CREATE TABLE told_answer (
    token TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    body BYTEA NOT NULL,
    status INTEGER NOT NULL,
    answer BYTEA NOT NULL,
    PRIMARY KEY (token, key)
);

CREATE INDEX ix_told_answer_number ON told_answer (number);
