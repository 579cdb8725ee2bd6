#!/bin/sh
# Runs all tests: those of the root module with the race detector, those of the
# engine's without (its race build alone takes a quarter of an hour). Prints the
# result of each package, every failure in full, and every test that was skipped
# with its reason; with CI=true a skipped test fails. `test.sh fuzz` fuzzes.
set -u
cd "$(dirname "$0")/.." || exit 1
GO=${GO:-go}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

fuzz() {
	for package in $($GO list ./...); do
		for name in $($GO test "$package" -list '^Fuzz' 2>/dev/null | grep '^Fuzz'); do
			echo "$package $name"
			$GO test "$package" -run '^$' -fuzz "^$name\$" -fuzztime 30s -fuzzminimizetime 5x || return 1
		done
	done
}

# run MODULE FLAGS...: go test in a module, its output cut down to what matters.
run() {
	(cd "$1" && shift && $GO test -json "$@" ./...) >"$log" 2>&1
	status=$?
	$GO run ./scripts/testlog <"$log"
	return $status
}

if [ "${1:-}" = fuzz ]; then
	fuzz
	exit
fi
echo "testing the root module with the race detector (several minutes the first time)"
run . -race -timeout 30m || exit 1
echo "testing the engine's module"
run engine -timeout 20m || exit 1
echo "all tests pass"
