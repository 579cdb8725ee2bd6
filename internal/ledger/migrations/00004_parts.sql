-- +goose Up

-- Parts of multipart sessions that the store acknowledged, of items that run.
CREATE TABLE parts (
    upload_id   TEXT COLLATE "BINARY" NOT NULL,
    session     TEXT COLLATE "BINARY" NOT NULL,
    number      BIGINT NOT NULL,
    fingerprint TEXT NOT NULL,  -- of the source whose bytes they are
    part        TEXT NOT NULL,  -- JSON
    kept_at     BIGINT NOT NULL,
    PRIMARY KEY (upload_id, session, number)
);
