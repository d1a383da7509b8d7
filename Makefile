# Sluice: `make` prints the targets. Go alone is needed; everything else is built
# from the module's own dependencies.

GO       ?= go
# Without the paths of this folder in what is built, a copy of it (the docs are tested in some) takes
# what was compiled here out of Go's cache.
GOFLAGS  ?= -trimpath
export GOFLAGS
FUZZTIME ?= 1m
SEEDS    ?= 200000
KILLS    ?= 50
# Tests wait much, for leases and elections: three packages at once keep two cores busy.
PACKAGES := -p 3
# The longest tests begin first, so that nothing waits for them.
LONGEST  := ./internal/trial ./internal/hostile ./internal/crash
RACED    := ./worker/... ./coordinator/job ./internal/bus ./internal/protocol ./internal/solo
BIN      := bin/sluice
# These need a Docker engine, and both cores for themselves: make contained.
CONTAINED := '^(TestImages|TestCutOff|TestDeployDocs)$$'
DOCKER   ?= docker
# image builds TARGET as NAME:VERSION; both versions are given each time, so that steps are made once.
image = $(DOCKER) build --target $(1) --build-arg VERSION=$(VERSION) --build-arg NATS_VERSION=$$(cat bin/nats-version) \
	-t $(2):$(3) -t $(2):latest bin/images
# With figures: a command runs with a file for what tests measure, which is printed behind it.
FIGURED  := ./internal/figures/print.sh
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

.DEFAULT_GOAL := help
.PHONY: help build demo test race check bench fuzz faults faults-ci lasting load generate images contained clean

help: ## print the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/sluice
	$(GO) build -ldflags '-X main.version=$(VERSION)' -o $(BIN) ./cmd/sluice

demo: build ## run two of the example recipes and show what they wrote
	$(BIN) run examples/failed-logins.yaml
	@echo; echo "out/failed.md5:"; head -n 5 out/failed.md5; echo
	$(BIN) run examples/top-talkers.yaml
	@echo; echo "out/top-talkers.jsonl:"; head -n 10 out/top-talkers.jsonl

test: ## run all tests, within five minutes, and print what they measured (make check vets)
	$(FIGURED) $(GO) test $(PACKAGES) -vet=off -skip $(CONTAINED) $(LONGEST) ./...

race: ## run all short tests under the race detector, but for those that run the built product
	$(GO) test -race -short -timeout 20m -skip $(CONTAINED) $(LONGEST) $$($(GO) list ./... | grep -v '/internal/faults$$')

check: ## formatting, vet, staticcheck, generated files, module files, race detector on what has goroutines
	@fmt=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$fmt" || { echo "gofmt wants to change:"; echo "$$fmt"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) test ./schemas/...
	$(GO) run ./internal/docgen -check
	$(GO) mod tidy -diff
	$(GO) test -race -short $(RACED)
	$(GO) test -race -short ./internal/trial -run 'Shapes|Panics|Subsets|ManyJobs|StopAndResume'

bench: ## measure speed against plain Go and raw JetStream; writes docs/benchmarks.md
	$(GO) run ./internal/bench

fuzz: ## run every fuzz target for FUZZTIME (default 1m) and print a table
	$(GO) run ./internal/fuzzall -time $(FUZZTIME)

faults: ## clusters of processes: 100 SIGKILLs, each other fault 10 times, broken builds caught; prints a table
	$(GO) test ./internal/faults -count=1 -timeout 90m -v -whole

faults-ci: ## the same within 5 minutes: most faults once
	$(GO) test ./internal/faults -count=1 -timeout 6m -v -long

lasting: ## long forms: SEEDS (200000) simulated runs, KILLS (50) a recipe, 2 minutes of pressure, 100 jobs, make load
	SLUICE_SEEDS=5000 $(GO) test ./internal/protocol/simulation -run 'Rules' -count=1 -timeout 1h
	SLUICE_SEEDS=$(SEEDS) $(FIGURED) $(GO) test ./internal/protocol/simulation -run 'Simulation' -count=1 -timeout 3h
	SLUICE_KILLS=$(KILLS) $(FIGURED) $(GO) test ./internal/crash -count=1 -timeout 3h
	$(FIGURED) $(GO) test ./internal/trial -run 'BackPressure|ManyJobs|OrderKeeps|RandomGraphs|Examples|LargeState' -count=1 -timeout 1h -long
	$(MAKE) load

load: ## the API under load: 100,000 generated requests, p50 and p99 of list and submit with 5,000 jobs
	$(FIGURED) $(GO) test ./coordinator/api -run 'Fuzz|History' -count=1 -timeout 1h -long

images: ## build the images sluice and sluice-nats with docker, from nothing that is pulled
	@mkdir -p bin
	$(GO) run ./internal/images/context -version $(VERSION) bin/images > bin/nats-version
	$(call image,sluice,sluice,$(VERSION))
	$(call image,nats,sluice-nats,$$(cat bin/nats-version))

contained: ## run a cluster in containers under faults; needs a Docker engine
	$(FIGURED) $(GO) test ./internal/contained ./cmd/sluice -run $(CONTAINED) -p 1 -count=1 -timeout 25m -v

generate: ## write all generated files anew: schemas, docs/kinds, docs/diagnostics.md, docs/configuration.md, docs/api.md
	$(GO) run ./schemas/generate
	$(GO) run ./internal/docgen

clean: ## remove what the targets made
	rm -rf bin out .work coverage.out
