#!/bin/sh
# Runs the tests of all modules, with the race detector but for the engine's (its
# race build alone takes a quarter of an hour). Prints the
# result of each package, every failure in full, and every test that was skipped
# with its reason; with CI=true a skipped test fails. `test.sh fuzz` fuzzes.
set -u
cd "$(dirname "$0")/.." || exit 1
GO=${GO:-go}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# fuzz MODULE: half a minute for each fuzz test of a module.
fuzz() (
	cd "$1" || exit 1
	for package in $($GO list ./...); do
		for name in $($GO test "$package" -list '^Fuzz' 2>/dev/null | grep '^Fuzz'); do
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

if [ "${1:-}" = fuzz ]; then
	for module in . internal/sandbox; do
		fuzz "$module" || exit 1
	done
	exit
fi
echo "testing the root module with the race detector (several minutes the first time)"
run . -race -timeout 30m || exit 1
echo "testing the simulated vendors"
run internal/sandbox -race -timeout 20m || exit 1
echo "testing the clients and the programs against the simulated vendors"
run test -race -timeout 30m || exit 1
echo "testing the engine's module"
run engine -timeout 20m || exit 1
echo "all tests pass"
