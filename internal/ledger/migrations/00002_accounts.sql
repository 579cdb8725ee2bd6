-- +goose Up

CREATE TABLE accounts (
    name            TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    paused          BOOLEAN NOT NULL,
    because         TEXT NOT NULL,
    who             TEXT NOT NULL,
    since           BIGINT NOT NULL,
    key_fingerprint TEXT COLLATE "BINARY" NOT NULL,
    key_changed_at  BIGINT NOT NULL
);

CREATE TABLE account_events (
    account TEXT COLLATE "BINARY" NOT NULL,
    at      BIGINT NOT NULL,
    paused  BOOLEAN NOT NULL,
    because TEXT NOT NULL,
    who     TEXT NOT NULL
);
CREATE INDEX account_events_of ON account_events (account, at);

-- Moments are nanoseconds since 1970, for rates that divide no microsecond.
CREATE TABLE permits (
    account    TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    earned     BIGINT NOT NULL, -- when all permits given out so far are earned
    slow_until BIGINT NOT NULL
);

CREATE TABLE counters (
    account    TEXT COLLATE "BINARY" NOT NULL,
    name       TEXT COLLATE "BINARY" NOT NULL,
    started_at BIGINT NOT NULL,
    used       BIGINT NOT NULL,
    PRIMARY KEY (account, name)
);

CREATE TABLE tokens (
    account      TEXT COLLATE "BINARY" NOT NULL,
    name         TEXT COLLATE "BINARY" NOT NULL,
    value        BYTEA,          -- sealed; null where there is none
    expires_at   BIGINT NOT NULL,
    version      BIGINT NOT NULL,
    lease_owner  TEXT COLLATE "BINARY" NOT NULL,
    lease_until  BIGINT NOT NULL,
    PRIMARY KEY (account, name)
);

CREATE TABLE lanes (
    name      TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    upload_id TEXT COLLATE "BINARY" NOT NULL,
    run_id    TEXT COLLATE "BINARY" NOT NULL,
    since     BIGINT NOT NULL
);

CREATE TABLE workers (
    id      TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    seen_at BIGINT NOT NULL,
    info    TEXT NOT NULL -- JSON
);
