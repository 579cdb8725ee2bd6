#!/bin/sh
# compose-check.sh starts docker-compose.yml in containers, uses it, and takes it down again:
# see test/fleet/check_test.go. It needs a Docker engine (DOCKER_HOST, or the usual socket),
# docker-compose or the plugin of docker, and the programs in bin/. Where images cannot be
# pulled, scripts/stand-in.sh makes others of the same names, which takes root, debootstrap and,
# the first time, 15 minutes. The ports 8235 and 9090 of loopback must be free.
#
# STAND_INS=1 does not try to pull.
set -eu
cd "$(dirname "$0")/.."
GO=${GO:-go}

docker info >/dev/null 2>&1 || { echo "no Docker engine answers; start one (Debian: apt-get install docker.io docker-compose debootstrap, then dockerd), or set DOCKER_HOST" >&2; exit 1; }
compose='docker compose'
$compose version >/dev/null 2>&1 || compose=docker-compose
$compose version >/dev/null 2>&1 || { echo "neither docker compose nor docker-compose is installed (Debian: apt-get install docker-compose)" >&2; exit 1; }

# The image of this commit replaces that of the last run.
pull=${STAND_INS:+no}
without=''
scripts/stand-in.sh mediaferry:v1
for image in $(sed -n '/mediaferry:/! s/^    image: \(.*\)$/\1/p' docker-compose.yml); do
	if docker image inspect "$image" >/dev/null 2>&1; then
		continue
	fi
	if [ -z "$pull" ]; then
		echo "  pulling $image"
		docker pull -q "$image" >/dev/null 2>&1 && continue
		pull=no
		echo "  it cannot be pulled: other images of the same names are made"
	fi
	status=0
	scripts/stand-in.sh "$image" || status=$?
	case $status in
	0) ;;
	3) without="$without $(awk -v image="$image" '/^  [a-z0-9-]+:/ { name = $1 } $1 == "image:" && $2 == image { sub(":", "", name); print name }' docker-compose.yml)" ;;
	*) exit 1 ;;
	esac
done
echo "images:"
for image in mediaferry:v1 $(sed -n '/mediaferry:/! s/^    image: \(.*\)$/\1/p' docker-compose.yml); do
	made=$(docker image inspect --format '{{if index .Config.Labels "mediaferry.stand-in"}}made here{{else}}pulled{{end}}' "$image" 2>/dev/null) || made='none; its service is not started'
	printf '  %-32s %s\n' "$image" "$made"
done
cd test
exec env MEDIAFERRY_COMPOSE="$compose" MEDIAFERRY_COMPOSE_WITHOUT="$without" \
	$GO test -tags compose -run '^TestCompose$' -count 1 -timeout 30m -v ./fleet
