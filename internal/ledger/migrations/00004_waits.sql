-- +goose Up
-- What the next call of an item waits for after its own last call failed, as JSON;
-- empty where it waits for nothing of its own. What it waits for together with all
-- others of its account is not here.
ALTER TABLE items ADD COLUMN waiting TEXT NOT NULL DEFAULT '';
-- Only items in trouble are in it.
CREATE INDEX items_in_trouble ON items (batch, account) WHERE waiting <> '';
-- When a vendor last did as it was asked, to the minute.
ALTER TABLE accounts ADD COLUMN last_ok_at BIGINT NOT NULL DEFAULT 0;
