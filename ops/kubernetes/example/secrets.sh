#!/bin/sh
# secrets.sh makes the key and the token, and says which of the files that kustomization.yaml
# names you have to write yourself.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
[ -s secrets/encryption_key ] || head -c 32 /dev/urandom | base64 >secrets/encryption_key
[ -s secrets/dashboard_token ] || od -An -v -tx1 -N 24 /dev/urandom | tr -d ' \n' >secrets/dashboard_token
sed -n 's|^ *- secrets/||p' kustomization.yaml | while read -r name; do
	[ ! -s "secrets/$name" ] || continue
	case $name in
	ledger) what='postgres://USER:PASSWORD@HOST/DATABASE' ;;
	s3_credentials) what='a credentials file of AWS, for the bucket of results:' ;;
	*) what='the secret that mediaferry.yaml reads from it' ;;
	esac
	echo "write secrets/$name: $what"
done
