CREATE TABLE access_token (
    name VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    digest BLOB NOT NULL,
    last_four VARCHAR NOT NULL,
    created VARCHAR NOT NULL,
    revoked VARCHAR,
    PRIMARY KEY (name),
    UNIQUE (digest)
);

CREATE TABLE told_answer (
    token VARCHAR NOT NULL,
    "key" VARCHAR NOT NULL,
    number BIGINT NOT NULL,
    body BLOB NOT NULL,
    status INTEGER NOT NULL,
    answer BLOB NOT NULL,
    PRIMARY KEY (token, "key")
);

CREATE INDEX ix_told_answer_number ON told_answer (number);
