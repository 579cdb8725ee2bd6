#!/bin/sh
# release.sh snapshot|publish: makes a release with GoReleaser into dist/.
#
# snapshot  needs no tag and no key. It makes the archive and the packages of this machine's
#           target (ALL=1: of all), signs them with a key that it throws away, installs from
#           them into an empty folder, and sends the demo's catalogue from there without Go.
# publish   makes a release of the tag that is checked out. docs/releasing.md says what it
#           needs.
set -eu
cd "$(dirname "$0")/.."
GO=${GO:-go}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
how=${1:-}

# loudly TEXT...: what nobody should overlook.
loudly() {
	echo "!!!" >&2
	for line; do echo "!!! $line" >&2; done
	echo "!!!" >&2
}

# patiently WHAT COMMAND...: runs a command that may be silent for minutes, and says on
# standard error every 20 seconds that it still runs.
patiently() {
	what=$1
	shift
	"$@" &
	running=$! seconds=0
	while kill -0 "$running" 2>/dev/null; do
		sleep 1
		seconds=$((seconds + 1))
		[ $((seconds % 20)) -ne 0 ] || echo "  $seconds s: still $what" >&2
	done
	wait "$running"
}

# tools puts GoReleaser and what it calls into the front of PATH. They are Go programs of a
# module of their own, which burdens no other.
tools() {
	echo "preparing GoReleaser, cyclonedx-gomod and minisign (5 to 15 minutes the first time, seconds afterwards)"
	mkdir "$work/tools"
	for tool in goreleaser cyclonedx-gomod minisign; do
		patiently "building $tool" $GO tool -modfile=tools/release/go.mod -n "$tool" >"$work/path"
		ln -s "$(tail -n 1 "$work/path")" "$work/tools/$tool"
	done
	PATH=$work/tools:$PATH
}

# installer writes dist/install.sh, which holds the public key.
installer() {
	sed "s|^key=\$|key=$(tail -n 1 "$1")|" scripts/install.sh >"$2"
	chmod 755 "$2"
}

snapshot() {
	config=.goreleaser.yaml
	if [ -z "${ALL:-}" ]; then
		config=$work/goreleaser.yaml
		sed "s/^\( *targets: &targets\) .*/\1 [$($GO env GOOS)_$($GO env GOARCH)]/" .goreleaser.yaml >"$config"
	fi
	minisign -G -W -p "$work/key.pub" -s "$work/key" >/dev/null
	loudly "This snapshot is signed with a key that was made for it and is thrown away." \
		"It makes no image: that needs Docker and a registry; see docs/releasing.md."
	echo "building and packing (5 to 10 minutes for a target the first time, a minute afterwards)"
	export MINISIGN_KEY_FILE="$work/key" INSTALLER="$work/install.sh"
	patiently "building and packing" goreleaser release --snapshot --clean --config "$config" --skip docker,publish
	installer "$work/key.pub" dist/install.sh
	installs
}

# installs checks the snapshot as a newcomer would use it.
installs() {
	home=$work/home
	mkdir "$home"
	echo "installing from dist/ into an empty folder"
	env -i HOME="$home" PATH=/usr/bin:/bin dist/install.sh --from "file://$PWD/dist" --to "$home/.local"
	mkdir "$work/tampered"
	cp dist/checksums.txt dist/checksums.txt.minisig dist/*.tar.gz "$work/tampered/"
	for archive in "$work"/tampered/*.tar.gz; do echo x >>"$archive"; done
	refuses "an archive that was changed"
	(cd "$work/tampered" && sha256sum ./*.tar.gz | sed 's|\./||' >checksums.txt)
	refuses "a list of checksums that was changed"
	echo "sending the demo's catalogue without Go"
	began=$(date +%s%N)
	env -i HOME="$home" PATH="$home/.local/bin:/usr/bin:/bin" mediaferry demo >"$work/demo" 2>&1 &
	demo=$!
	until grep -q '^ready' "$work/demo"; do
		kill -0 "$demo" 2>/dev/null || break
		sleep 0.1
	done
	first=$((($(date +%s%N) - began) / 1000000))
	wait "$demo" || { cat "$work/demo" >&2; echo "the demo failed" >&2; exit 1; }
	tail -n 1 "$work/demo"
	echo "first medium ready after $first ms"
	[ "$first" -le 30000 ] || { echo "that is more than 30 seconds" >&2; exit 1; }
	echo "made: $(ls dist | grep -E '\.(tar\.gz|deb|rpm|json|txt|minisig|sh)$' | grep -vE '^(artifacts|metadata|config)' | tr '\n' ' ')"
}

# refuses WHAT: the tampered folder must not be installed from.
refuses() {
	if env -i HOME="$work/nowhere" PATH=/usr/bin:/bin dist/install.sh --from "file://$work/tampered" --to "$work/nowhere" 2>"$work/refusal"; then
		echo "install.sh installed from $1" >&2
		exit 1
	fi
	[ ! -e "$work/nowhere/bin" ] || { echo "install.sh left something of $1" >&2; exit 1; }
	echo "refused: $1 ($(head -n 1 "$work/refusal"))"
}

publish() {
	tag=$(git describe --tags --exact-match 2>/dev/null) || { echo "no tag is checked out" >&2; exit 1; }
	[ -f scripts/release.pub ] || { echo "scripts/release.pub, the public key of releases, is missing; see docs/releasing.md" >&2; exit 1; }
	[ -n "${MINISIGN_KEY_FILE:-}" ] || { echo "MINISIGN_KEY_FILE must name the secret key of releases; see docs/releasing.md" >&2; exit 1; }
	awk -v head="## ${tag#v}" 'index($0, "## ") == 1 { on = index($0, head) == 1 } on' CHANGELOG.md >"$work/notes.md"
	[ -s "$work/notes.md" ] || { echo "CHANGELOG.md says nothing of ${tag#v}" >&2; exit 1; }
	installer scripts/release.pub "$work/install.sh"
	export INSTALLER="$work/install.sh"
	patiently "building and packing" goreleaser release --clean --release-notes "$work/notes.md"
}

case $how in
snapshot | publish) tools && "$how" ;;
*)
	echo "usage: scripts/release.sh snapshot|publish" >&2
	exit 2
	;;
esac
