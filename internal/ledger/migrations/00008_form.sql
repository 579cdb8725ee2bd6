-- +goose Up
-- How the manifest of a batch is written, so that its failed rows can be given back alike.
ALTER TABLE batches ADD COLUMN form TEXT NOT NULL DEFAULT '';
