#!/bin/sh
# secrets.sh makes the secrets of docker-compose.yml, each in a file of its own below
# ops/compose/secrets. It keeps those that are there. A new password of PostgreSQL does not
# change a database that exists.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
random() { od -An -v -tx1 -N "$1" /dev/urandom | tr -d ' \n'; }

# secret NAME MODE TEXT
secret() {
	[ -s "secrets/$1" ] || printf '%s\n' "$3" >"secrets/$1"
	chmod "$2" "secrets/$1"
}

# Other users of this computer do not get into the folder. In a container, a file has the
# owner and the mode that it has here: so programs that run there as other users need to be
# allowed to read theirs. What mediaferry alone reads is for its user, whose number is in
# .env, or belongs to root.
private=0400 shared=0444
[ "$(id -u)" != 0 ] || private=0444
secret postgres_password $shared "$(random 24)"
secret temporal_password $shared "$(random 24)"
secret ledger_password $shared "$(random 24)"
secret grafana_password $shared "$(random 12)"
secret s3_secret $shared "$(random 24)"
secret encryption_key $private "$(head -c 32 /dev/urandom | base64)"
secret dashboard_token $private "$(random 24)"
secret s3_credentials $private "[default]
aws_access_key_id = mediaferry
aws_secret_access_key = $(cat secrets/s3_secret)"

user=$(id -u) group=$(id -g) file=../../.env
if [ "$user" != 0 ] && [ "$user" != 1000 ] && ! grep -qs '^MEDIAFERRY_UID=' "$file"; then
	printf 'MEDIAFERRY_UID=%s\nMEDIAFERRY_GID=%s\n' "$user" "$group" >>"$file"
fi
echo "secrets are in $(pwd)/secrets; keep a copy of encryption_key: without it, nothing in the ledger can be read"
