-- +goose Up
-- What the operator's webhook is to be told, put down together with the change that it
-- tells of. A row that was sent stays for a while, so that it is not put down again.
CREATE TABLE outbox (
    id          TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY, -- as the receiver knows it
    event       TEXT COLLATE "BINARY" NOT NULL,
    state       TEXT COLLATE "BINARY" NOT NULL, -- pending, sent, given_up
    at          BIGINT NOT NULL, -- when it happened
    data        TEXT NOT NULL,   -- sealed JSON
    tries       BIGINT NOT NULL,
    first_at    BIGINT NOT NULL, -- when it was first tried; 0: not yet
    next_at     BIGINT NOT NULL, -- when it is tried next
    lease_owner TEXT COLLATE "BINARY" NOT NULL,
    lease_until BIGINT NOT NULL,
    ended_at    BIGINT NOT NULL, -- when it was sent or given up; 0: not yet
    last_error  TEXT NOT NULL    -- sealed
);
CREATE INDEX outbox_due ON outbox (next_at) WHERE state = 'pending';
-- When it was put down for the webhook that an outage lasts; 0: it was not.
ALTER TABLE outages ADD COLUMN told_at BIGINT NOT NULL DEFAULT 0;
