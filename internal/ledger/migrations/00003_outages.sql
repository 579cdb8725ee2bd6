-- +goose Up
-- Who of an account's other sides does not answer: the vendor, its login, its store.
-- A row whose ended_at is not 0 tells of the last outage, which is over.
CREATE TABLE outages (
    account    TEXT COLLATE "BINARY" NOT NULL,
    peer       TEXT COLLATE "BINARY" NOT NULL,
    since      BIGINT NOT NULL, -- when the first of the failed calls began
    tries      BIGINT NOT NULL, -- calls that failed since
    next_at    BIGINT NOT NULL, -- when the next call is to be made
    trying     TEXT COLLATE "BINARY" NOT NULL, -- the item that makes it, or made the last one
    trying_to  BIGINT NOT NULL, -- until when nobody else makes it
    last_error TEXT NOT NULL,   -- JSON
    ended_at   BIGINT NOT NULL,
    PRIMARY KEY (account, peer)
);
-- Why and since when nobody is to call an account before slow_until.
ALTER TABLE permits ADD COLUMN slow_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE permits ADD COLUMN slow_because TEXT NOT NULL DEFAULT '';
