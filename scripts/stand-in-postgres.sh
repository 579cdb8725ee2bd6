#!/bin/sh
# The entry point of the stand-in for PostgreSQL's image: what docker-compose.yml needs of
# that image's own. It makes the database on the first start, with the password of a file,
# and runs the scripts of /docker-entrypoint-initdb.d.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
	initdb --username "${POSTGRES_USER:-postgres}" --pwfile "$POSTGRES_PASSWORD_FILE" --auth-local trust --auth-host scram-sha-256 -E UTF8 -D "$PGDATA"
	echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
	pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
	for script in /docker-entrypoint-initdb.d/*.sh; do
		"$script"
	done
	pg_ctl -D "$PGDATA" -m fast -w stop
fi
exec "$@" -c listen_addresses='*'
