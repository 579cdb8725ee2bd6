#!/bin/sh
# test.sh tests the modules that MODULES names, all but the engine's with the race
# detector (its race build alone takes a quarter of an hour). The detector leaves out
# SQLite, which is translated from C and took 20 of 33 s of test/contract with it.
# test.sh prints the result of each package, every failure in full, and every test that
# was skipped with its reason; with CI=true a skipped test fails. `test.sh fuzz` fuzzes
# the modules instead.
set -u
cd "$(dirname "$0")/.." || exit 1
GO=${GO:-go}
unwatched='modernc.org/...=-race=false -d=checkptr=0'
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# fuzz MODULE: half a minute for each fuzz test of a module.
fuzz() (
	cd "$1" || exit 1
	$GO list -f '{{.ImportPath}} {{.Dir}}' ./... | while read -r package folder; do
		for name in $(cat "$folder"/*_test.go 2>/dev/null | sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p'); do
			echo "$package $name"
			$GO test "$package" -run '^$' -fuzz "^$name\$" -fuzztime 30s -fuzzminimizetime 5x || exit 1
		done
	done
)

# run MODULE FLAGS...: go test in a module, its output cut down to what matters.
run() {
	(cd "$1" && shift && $GO test -json "$@" ./...) >"$log" 2>&1
	status=$?
	$GO run ./scripts/testlog <"$log"
	return $status
}

failed=0
for module in ${MODULES:?want the folders of the modules: run make test, or make fuzz}; do
	case "${1:-test} $module" in
	"fuzz "*)
		fuzz "$module" || failed=1
		;;
	"test engine")
		echo "testing module engine"
		run engine -trimpath -timeout 20m || failed=1 # as the engine is built, so that it is compiled once
		;;
	*)
		echo "testing module $module with the race detector (several minutes the first time)"
		run "$module" -race "-gcflags=$unwatched" -timeout 30m || failed=1
		;;
	esac
done
[ $failed = 0 ] && echo "everything passes"
exit $failed
