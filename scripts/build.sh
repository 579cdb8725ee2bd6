#!/bin/sh
# build.sh FOLDER OUTPUT ARGUMENTS...: runs go build in the folder of a module and
# prints a line of progress every 20 seconds, to a terminal or a log alike. The
# exit status is that of go. What go says is printed when it ends.
set -u
GO=${GO:-go}
folder=$1 output=$2
shift 2
cd "$folder" || exit 1
work=$(mktemp -d) || exit 1
: >"$work/packages"
: >"$work/log"

# report prints one line. go build -v names a package when it starts to compile it,
# and names none that the cache has.
report() {
	total=$(wc -l <"$work/packages")
	if [ "$total" -eq 0 ]; then
		echo "  $1 s: $(grep -c '^go: downloading' "$work/log") modules downloaded"
		return
	fi
	grep -xF -f "$work/packages" "$work/log" >"$work/started"
	started=$(wc -l <"$work/started")
	echo "  $1 s: $((started)) of at most $((total)) packages, now $(tail -n 1 "$work/started")"
}

# tick reports until it is ended, or this script is gone. Its sleep holds no pipe
# open that others wait for.
tick() {
	trap 'kill "$nap" 2>/dev/null; exit' TERM
	elapsed=0 nap=
	while kill -0 $$ 2>/dev/null; do
		sleep 20 >/dev/null 2>&1 &
		nap=$!
		wait "$nap"
		elapsed=$((elapsed + 20))
		report "$elapsed"
	done
}

finish() {
	kill "$ticker" 2>/dev/null
	wait "$ticker" 2>/dev/null
	rm -rf "$work"
}

tick &
ticker=$!
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

$GO list -deps "$@" >"$work/list" 2>"$work/log" && mv "$work/list" "$work/packages" &&
	$GO build -v -o "$output" "$@" 2>>"$work/log"
status=$?
if [ "$status" -ne 0 ]; then
	grep -vxF -f "$work/packages" "$work/log" | grep -v '^go: downloading' >&2
fi
exit "$status"
