#!/bin/sh
# reproducible.sh FOLDER ARGUMENTS...: builds the three programs again, with the same
# arguments of go build, from a clone in another folder, and compares them with those in
# FOLDER. Exit status 1 if one differs, or if there is something to commit: a program
# names its commit, and whether anything was changed since.
set -u
GO=${GO:-go}
folder=$1
shift
cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
if [ -n "$(git status --porcelain)" ]; then
	echo "commit your changes first: the comparison is with the last commit" >&2
	exit 1
fi
mkdir "$work/bin"
git clone --quiet . "$work/sources" || exit 1
(cd "$work/sources" && $GO build -o "$work/bin/" "$@" ./starter/mediaferry ./worker/mediaferry-worker) || exit 1
(cd "$work/sources/engine" && $GO build -o "$work/bin/mediaferry-engine" "$@" .) || exit 1
failed=0
for program in mediaferry mediaferry-worker mediaferry-engine; do
	if cmp -s "$folder/$program" "$work/bin/$program"; then
		echo "same: $program $(sha256sum "$folder/$program" | cut -c 1-64)"
	else
		echo "DIFFERS: $program" >&2
		failed=1
	fi
done
exit $failed
