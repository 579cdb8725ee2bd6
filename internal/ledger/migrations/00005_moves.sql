-- +goose Up
-- Where the source of an item is read from now on, sealed, where a person moved the
-- reading after the claim.
CREATE TABLE moves (
    upload_id TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    place     BYTEA NOT NULL -- sealed JSON
);
