#!/bin/sh
# temporal.sh COMMAND... runs a command beside a Temporal server that keeps everything in
# PostgreSQL, and ends with the command's status. The server is Temporal's own, of the
# version in engine/go.mod, and not the embedded engine. The command gets its address in
# MEDIAFERRY_TEST_TEMPORAL.
#
# PostgreSQL's programs come from MEDIAFERRY_TEST_POSTGRES_BIN, from PATH or from where
# Debian installs them. The servers listen on loopback, from TEMPORAL_SH_PORT on.
set -eu
cd "$(dirname "$0")/.."
GO=${GO:-go}
first=${TEMPORAL_SH_PORT:-27233}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/mediaferry

version=$(cd engine && $GO list -m -f '{{.Version}}' go.temporal.io/server)
bin=$cache/temporal-$version
if [ ! -x "$bin/server" ] || [ ! -x "$bin/sql" ]; then
	echo "building Temporal $version and its SQL tool (5 to 10 minutes the first time)" >&2
	GOBIN=$bin CGO_ENABLED=0 GOFLAGS= $GO install "go.temporal.io/server/cmd/server@$version" "go.temporal.io/server/cmd/tools/sql@$version"
fi

postgres=${MEDIAFERRY_TEST_POSTGRES_BIN:-}
for found in "$(dirname "$(readlink -f "$(command -v initdb || echo /none)")")" /usr/lib/postgresql/*/bin; do
	[ -n "$postgres" ] || [ ! -x "$found/postgres" ] || postgres=$found
done
[ -n "$postgres" ] || { echo "found no PostgreSQL: install it (Debian: postgresql), or set MEDIAFERRY_TEST_POSTGRES_BIN to the folder of initdb and postgres" >&2; exit 2; }

folder=$(mktemp -d -t mediaferry-temporal-XXXXXX)
server='' database=''
finish() {
	[ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" || true; }
	[ -z "$database" ] || { kill -INT "$database" 2>/dev/null; wait "$database" || true; }
	rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM

# owner PROGRAM...: runs it as a user whom PostgreSQL accepts: not as root.
owner() {
	[ "$(id -u)" = 0 ] || exec "$@"
	exec setpriv --reuid nobody --clear-groups "$@"
}
[ "$(id -u)" != 0 ] || chown nobody "$folder"
(owner "$postgres/initdb" -D "$folder/data" -U temporal -A trust -E UTF8 --locale=C --no-sync) >"$folder/initdb.log" 2>&1 || { cat "$folder/initdb.log" >&2; exit 1; }
sql_port=$((first + 9))
(owner "$postgres/postgres" -D "$folder/data" -h 127.0.0.1 -p "$sql_port" -k "$folder" -c fsync=off -c max_connections=200) >"$folder/postgres.log" 2>&1 &
database=$!

# tool DATABASE ARGS...: Temporal's SQL tool.
tool() (
	name=$1
	shift
	"$bin/sql" --plugin postgres12_pgx --ep 127.0.0.1 -p "$sql_port" -u temporal --db "$name" "$@"
)
tries=0
until tool temporal create-database >"$folder/schema.log" 2>&1; do
	tries=$((tries + 1))
	[ $tries -lt 60 ] || { cat "$folder/schema.log" "$folder/postgres.log" >&2; exit 1; }
	sleep 1
done
{
	tool temporal setup-schema -v 0.0
	tool temporal update-schema --schema-name postgresql/v12/temporal
	tool visibility create-database
	tool visibility setup-schema -v 0.0
	tool visibility update-schema --schema-name postgresql/v12/visibility
} >>"$folder/schema.log" 2>&1 || { cat "$folder/schema.log" >&2; exit 1; }

# store NAME CONNECTIONS: a database as Temporal's configuration names it.
store() {
	echo "{sql: {pluginName: postgres12_pgx, databaseName: $1, connectAddr: \"127.0.0.1:$sql_port\", connectProtocol: tcp, user: temporal, maxConns: $2, maxIdleConns: $2}}"
}
# ports OFFSET: where one of Temporal's services listens.
ports() {
	echo "{rpc: {grpcPort: $((first + $1)), membershipPort: $((first + 10 + $1)), bindOnLocalHost: true}}"
}
cat >"$folder/config.yaml" <<END
log: {stdout: true, level: info}
persistence:
  defaultStore: main
  visibilityStore: visibility
  numHistoryShards: 4
  datastores: {main: $(store temporal 20), visibility: $(store visibility 5)}
global: {membership: {maxJoinDuration: 30s, broadcastAddress: 127.0.0.1}}
services: {frontend: $(ports 0), history: $(ports 1), matching: $(ports 2), worker: $(ports 3)}
clusterMetadata:
  failoverVersionIncrement: 10
  masterClusterName: active
  currentClusterName: active
  clusterInformation: {active: {enabled: true, initialFailoverVersion: 1, rpcName: frontend, rpcAddress: "127.0.0.1:$first"}}
dcRedirectionPolicy: {policy: noop}
dynamicConfigClient: {filepath: $folder/dynamic.yaml, pollInterval: 10s}
END
echo 'system.namespaceCacheRefreshInterval: [{value: 1s}]' >"$folder/dynamic.yaml"
"$bin/server" --allow-no-auth --config-file "$folder/config.yaml" start >"$folder/temporal.log" 2>&1 &
server=$!
tries=0
until grep -q 'Frontend is now healthy' "$folder/temporal.log"; do
	tries=$((tries + 1))
	kill -0 "$server" 2>/dev/null && [ $tries -lt 120 ] || { cat "$folder/temporal.log" >&2; exit 1; }
	sleep 1
done
status=0
MEDIAFERRY_TEST_TEMPORAL=127.0.0.1:$first "$@" || status=$?
exit $status
