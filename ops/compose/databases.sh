#!/bin/sh
# databases.sh makes the databases of Temporal and of the ledger, each with a user of its
# own, when PostgreSQL starts for the first time.
set -eu

# database USER NAME...: databases that belong to a user.
database() {
	user=$1
	shift
	psql -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d postgres \
		-v user="$user" -v password="$(cat "/run/secrets/${user_secret:?}")" <<-'END'
			CREATE ROLE :"user" LOGIN PASSWORD :'password';
		END
	for name; do
		psql -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d postgres -v user="$user" -v name="$name" <<-'END'
			CREATE DATABASE :"name" OWNER :"user" ENCODING 'UTF8' TEMPLATE template0;
			REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
		END
	done
}

user_secret=temporal_password database temporal temporal temporal_visibility
user_secret=ledger_password database mediaferry mediaferry
