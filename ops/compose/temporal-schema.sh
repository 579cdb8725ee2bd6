#!/bin/sh
# temporal-schema.sh brings the databases of Temporal up to date, with Temporal's own tool.
# It can be repeated, and has to be before a server of a new version starts.
set -eu
SQL_PASSWORD=$(cat /run/secrets/temporal_password)
export SQL_PASSWORD

# schema DATABASE NAME
schema() {
	temporal-sql-tool --db "$1" setup-schema -v 0.0
	temporal-sql-tool --db "$1" update-schema --schema-name "postgresql/v12/$2"
}
schema temporal temporal
schema temporal_visibility visibility
