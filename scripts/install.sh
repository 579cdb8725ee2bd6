#!/bin/sh
# install.sh fetches a release of mediaferry, verifies its signature and its checksum, and
# unpacks the three programs, manual pages and completions below one folder. Nothing is
# installed that was not verified. It needs curl, tar, sha256sum or shasum, and either
# minisign or OpenSSL 3.
#
#   install.sh [--version 0.1.0] [--to FOLDER] [--from URL] [--key KEY]
#
#   --version   a version (default: the latest release)
#   --to        where bin, share … are made (default: ~/.local)
#   --from      the address of the folder that has the release's files
#   --key       the public key of minisign, where it is not the one in this script
set -eu

# scripts/release.sh puts the key of releases here, from scripts/release.pub.
key=
site=https://github.com/mediaferry/mediaferry/releases
from='' version='' to="$HOME/.local"

fail() {
	echo "install.sh: $1" >&2
	[ $# -lt 2 ] || echo "  $2" >&2
	exit 1
}

while [ $# -gt 0 ]; do
	option=$1
	[ "$option" = --help ] && { sed -n '2,14s/^# \{0,1\}//p' "$0"; exit 0; }
	[ $# -ge 2 ] || fail "$option needs a value" "see: install.sh --help"
	case $option in
	--version) version=${2#v} ;;
	--to) to=$2 ;;
	--from) from=$2 ;;
	--key) key=$2 ;;
	*) fail "unknown option $option" "see: install.sh --help" ;;
	esac
	shift 2
done
[ -n "$key" ] || fail "this copy of the script has no public key, so it cannot verify a release" \
	"take install.sh from the page of a release, or give the key with --key"
if [ -z "$from" ]; then
	from=$site/latest/download
	[ -z "$version" ] || from=$site/download/v$version
fi

system=$(uname -s | tr '[:upper:]' '[:lower:]') machine=$(uname -m)
case $machine in
x86_64) machine=amd64 ;;
aarch64) machine=arm64 ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch() { curl -fsSL --retry 2 -o "$work/$1" "$from/$1" || fail "could not fetch $from/$1" "check the address, and your network"; }

# bytes FROM COUNT: some bytes of standard input.
bytes() { tail -c "+$1" | head -c "$2"; }

# verify FILE: checks FILE.minisig with the public key.
verify() {
	if command -v minisign >/dev/null 2>&1; then
		minisign -V -q -P "$key" -x "$1.minisig" -m "$1" || return 1
		return 0
	fi
	case $(openssl version 2>/dev/null) in
	'OpenSSL 3'* | 'OpenSSL 4'*) ;;
	*) fail "neither minisign nor OpenSSL 3 is here, so the release cannot be verified" "install minisign with your package manager, then run this again" ;;
	esac
	# A minisign key is 2 bytes of algorithm, 8 of its name and 32 of Ed25519; a signature
	# is 2, 8 and 64, over the BLAKE2b hash of the file.
	printf '%s' "$key" | openssl base64 -d -A >"$work/key.raw"
	sed -n 2p "$1.minisig" | openssl base64 -d -A >"$work/signature.raw"
	[ "$(bytes 1 2 <"$work/signature.raw")" = ED ] || return 1
	bytes 3 8 <"$work/key.raw" >"$work/key.name"
	bytes 3 8 <"$work/signature.raw" | cmp -s - "$work/key.name" || fail "the release is signed with another key than the one expected"
	{
		printf '\060\052\060\005\006\003\053\145\160\003\041\000' # that an Ed25519 key follows
		bytes 11 32 <"$work/key.raw"
	} >"$work/key.der"
	bytes 11 64 <"$work/signature.raw" >"$work/signature.bare"
	openssl dgst -blake2b512 -binary "$1" >"$work/hash"
	openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/key.der" -rawin -in "$work/hash" -sigfile "$work/signature.bare" >/dev/null 2>&1
}

fetch checksums.txt
fetch checksums.txt.minisig
verify "$work/checksums.txt" || fail "the signature of checksums.txt is wrong; nothing was installed" \
	"do not use these files, and tell the maintainers: see SECURITY.md"

archive=$(awk -v end="_${system}_$machine.tar.gz" 'substr($2, length($2) - length(end) + 1) == end { print $2 }' "$work/checksums.txt")
[ -n "$archive" ] || fail "the release has no archive for $system on $machine" "build from the sources: make build"
fetch "$archive"
cd "$work"
awk -v name="$archive" '$2 == name' checksums.txt >wanted
if command -v sha256sum >/dev/null 2>&1; then check='sha256sum -c'; else check='shasum -a 256 -c'; fi
$check wanted >/dev/null 2>&1 || fail "$archive has another checksum than the one signed; nothing was installed" "fetch it again; if that does not help, tell the maintainers"

tar xzf "$archive"
folder=${archive%.tar.gz}
put() { # put MODE FOLDER FILE...
	mode=$1 place=$2
	shift 2
	mkdir -p "$place"
	for file; do
		cp "$file" "$place/.${file##*/}.new" && chmod "$mode" "$place/.${file##*/}.new" && mv "$place/.${file##*/}.new" "$place/${file##*/}"
	done
}
put 755 "$to/bin" "$folder/mediaferry-engine" "$folder/mediaferry-worker" "$folder/mediaferry"
put 644 "$to/share/man/man1" "$folder"/man/*.1
put 644 "$to/share/bash-completion/completions" "$folder/completions/mediaferry.bash"
mv "$to/share/bash-completion/completions/mediaferry.bash" "$to/share/bash-completion/completions/mediaferry"
put 644 "$to/share/zsh/site-functions" "$folder/completions/_mediaferry"
put 644 "$to/share/fish/vendor_completions.d" "$folder/completions/mediaferry.fish"
echo "installed $("$to/bin/mediaferry" --version) in $to/bin"
case :$PATH: in
*:"$to/bin":*) ;;
*) echo "  add $to/bin to your PATH" ;;
esac
echo "  next: mediaferry demo"
