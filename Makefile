# Targets explain themselves: make

.DEFAULT_GOAL := help
.PHONY: help build engine demo test bench kills lint determinism vulnerabilities histories docs fuzz clean

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
STRIPPED := -ldflags "-s -w -X main.version=$(VERSION)"
ENGINE   := $(CURDIR)/bin/mediaferry-engine
MODULES  := . internal/sandbox test engine
TOOL     := $(GO) tool -modfile=$(CURDIR)/tools/go.mod

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: engine ## Build the three programs into bin/
	@echo "building mediaferry and mediaferry-worker (a minute or two the first time)"
	@GO="$(GO)" scripts/build.sh . bin/ $(STRIPPED) ./starter/mediaferry ./worker/mediaferry-worker

engine: ## Build the embedded Temporal server and its web UI alone
	@echo "building mediaferry-engine (Temporal with its web UI: 3 to 6 minutes the first time, seconds afterwards)"
	@GO="$(GO)" scripts/build.sh engine ../bin/mediaferry-engine $(STRIPPED) .

demo: build ## Send a sample catalogue to all five vendors, simulated
	bin/mediaferry demo

test: engine ## Run all tests, all but the engine's with the race detector
	GO="$(GO)" MODULES="$(MODULES)" MEDIAFERRY_ENGINE="$(ENGINE)" scripts/test.sh

bench: build ## Measure speed and memory of films and batches against bare loops and rclone, and run the benchmarks (half an hour)
	cd test && MEDIAFERRY_ENGINE="$(ENGINE)" $(GO) test -tags bench -run '^(TestSpeed|TestMemory|TestBatchSpeed|TestBatchProfile|TestBatchRows)$$' -count 1 -timeout 2h -v ./e2e
	for module in $(MODULES); do (cd $$module && MEDIAFERRY_ENGINE="$(ENGINE)" $(GO) test -run '^$$' -bench . -benchtime 3x ./...) || exit 1; done

kills: engine ## Kill, stop, cut off, pause and starve a long upload and a batch, and count what that costs (20 minutes)
	cd test && MEDIAFERRY_ENGINE="$(ENGINE)" $(GO) test -tags kills -run '^(TestKills|TestSleep|TestNetwork|TestPause|TestShortLives|TestBatchKills|TestBatchPace)$$' -count 1 -timeout 2h -v ./e2e

lint: ## Check style, formatting and import rules (builds golangci-lint: some minutes the first time)
	for module in $(MODULES); do (cd $$module && $(TOOL) golangci-lint run ./...) || exit 1; done

determinism: ## Check that workflows are deterministic, and replay their recorded histories
	$(TOOL) workflowcheck -config tools/workflowcheck.yaml ./workflows/... ./internal/flow/... ./internal/upload/...
	$(GO) test ./workflows -run 'Import|Replay'

vulnerabilities: ## Look for known vulnerabilities in what we call (needs the network)
	for module in $(MODULES); do (cd $$module && $(TOOL) govulncheck ./...) || exit 1; done

histories: build ## Record the histories that the replay test holds workflows against
	cd test && MEDIAFERRY_RECORD=1 MEDIAFERRY_ENGINE="$(ENGINE)" $(GO) test ./e2e -run Record -count 1

docs: ## Write anew what docs/ shows of the program: tables of vendors, output of commands
	MEDIAFERRY_DOCS=1 $(GO) test ./starter/mediaferry -run TestManifestPage -count 1
	cd test && MEDIAFERRY_DOCS=1 $(GO) test ./contract -run TestThePageOnVendorsIsCurrent -count 1

fuzz: ## Fuzz for half a minute each what reads foreign input
	GO="$(GO)" MODULES="$(MODULES)" scripts/test.sh fuzz

clean: ## Remove what was built
	rm -rf bin
