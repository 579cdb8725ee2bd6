# Targets explain themselves: make

.DEFAULT_GOAL := help
.PHONY: help build engine demo test bench kills resets compose-check chaos lint determinism vulnerabilities histories reproducible snapshot docs fuzz clean

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
STRIPPED := -trimpath -ldflags "-s -w -X main.version=$(VERSION)"
ENGINE   := $(CURDIR)/bin/mediaferry-engine
MODULES  := . internal/guard internal/sandbox test engine
TOOL     := $(GO) tool -modfile=$(CURDIR)/tools/go.mod

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: engine ## Build the three programs in bin/
	@echo "building mediaferry and mediaferry-worker (1 to 2 minutes the first time)"
	@GO="$(GO)" scripts/build.sh . bin/ $(STRIPPED) ./starter/mediaferry ./worker/mediaferry-worker

engine: ## Build only the embedded Temporal server and its web UI
	@echo "building mediaferry-engine (Temporal with its web UI: 3 to 6 minutes the first time, seconds afterwards)"
	@GO="$(GO)" scripts/build.sh engine ../bin/mediaferry-engine $(STRIPPED) .

demo: build ## Send a sample catalogue to the five simulated vendors
	bin/mediaferry demo

test: engine ## Run all tests, with the race detector except in the engine
	GO="$(GO)" MODULES="$(MODULES)" MEDIAFERRY_ENGINE="$(ENGINE)" scripts/test.sh

bench: build ## Run the benchmarks, and compare speed and memory with plain loops and rclone (30 minutes)
	cd test && MEDIAFERRY_ENGINE="$(ENGINE)" $(GO) test -tags bench -run '^(TestQuickAnswers|TestSpeed|TestMemory|TestBatchSpeed|TestBatchProfile|TestBatchRows)$$' -count 1 -timeout 2h -v ./e2e
	for module in $(MODULES); do (cd $$module && MEDIAFERRY_ENGINE="$(ENGINE)" $(GO) test -run '^$$' -bench . -benchtime 3x ./...) || exit 1; done

kills: engine ## Kill, stop, disconnect and pause uploads and a batch, and count repeated work (35 minutes)
	cd test && MEDIAFERRY_ENGINE="$(ENGINE)" $(GO) test -tags kills -run '^(TestKills|TestSleep|TestNetwork|TestOutage|TestPause|TestShortLives|TestBatchKills|TestBatchPace|TestWorkersThatWakeAfterATakeoverLeaveNoDuplicate)$$' -count 1 -timeout 2h -v ./e2e

chaos: engine ## Send items while everything fails at random, then compare manifest, results and vendors (SEED=N repeats a run; POSTGRES=1; ITEMS=300 LASTS=60s; 2 minutes)
	cd test && MEDIAFERRY_CHAOS_SEED="$(SEED)" MEDIAFERRY_CHAOS_ITEMS="$(ITEMS)" MEDIAFERRY_CHAOS_LASTS="$(LASTS)" MEDIAFERRY_CHAOS_POSTGRES="$(POSTGRES)" MEDIAFERRY_ENGINE="$(ENGINE)" $(GO) test -tags chaos -run '^TestChaos$$' -count 1 -timeout 20m -v ./e2e

resets: engine ## Reset finished and running uploads and batches in Temporal at every workflow task, share a ledger, restore backups (15 minutes)
	cd test && MEDIAFERRY_RESETS=every MEDIAFERRY_ENGINE="$(ENGINE)" $(GO) test -run 'Reset|EndedInTemporal|TwoTemporalServices|TemporalOlderThan' -count 1 -timeout 1h -v ./e2e

compose-check: build ## Start the fleet of docker-compose.yml in containers, use it and break it (8 minutes; needs a Docker engine)
	GO="$(GO)" scripts/compose-check.sh

lint: ## Check style, formatting and import rules (builds golangci-lint, which takes minutes the first time)
	for module in $(MODULES); do (cd $$module && $(TOOL) golangci-lint run ./...) || exit 1; done

determinism: ## Check that workflows are deterministic and replay their recorded histories
	$(TOOL) workflowcheck -config tools/workflowcheck.yaml ./workflows/... ./internal/flow/... ./internal/upload/...
	$(GO) test ./workflows -run 'Import|Replay'

vulnerabilities: ## Check dependencies for known vulnerabilities (needs the network)
	for module in $(MODULES); do (cd $$module && $(TOOL) govulncheck ./...) || exit 1; done

histories: build ## Record the histories for the replay test
	cd test && MEDIAFERRY_RECORD=1 MEDIAFERRY_ENGINE="$(ENGINE)" $(GO) test ./e2e -run Record -count 1

reproducible: build ## Build the programs again, in another folder, and compare
	GO="$(GO)" scripts/reproducible.sh bin $(STRIPPED)

snapshot: ## Make a release of this machine's target (ALL=1: of all), install from it and run the demo
	GO="$(GO)" ALL="$(ALL)" scripts/release.sh snapshot

docs: ## Regenerate the tables, command output and pages of commands in docs/
	MEDIAFERRY_DOCS=1 $(GO) test ./starter/mediaferry ./starter/commands ./worker/mediaferry-worker -run 'TestManifestPage|TestPagesOfCommandsAreCurrent|TestPagesOfTheWorkerAreCurrent' -count 1
	cd test && MEDIAFERRY_DOCS=1 $(GO) test ./contract ./modules -run 'TestThePagesOnVendorsAreCurrent|TestTheLicences' -count 1

fuzz: ## Fuzz everything that reads external input, for half a minute each
	GO="$(GO)" MODULES="$(MODULES)" scripts/test.sh fuzz

clean: ## Remove the build results
	rm -rf bin dist completions
