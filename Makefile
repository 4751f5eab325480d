# Each target is what a CI job runs, so that what fails there fails here. Everything is set up by ci/prepare.

IMAGE   ?= debian12
DRIVER  ?=
VERSION ?= 3.0.0.0
FUZZTIME ?= 30s

# Choices of make e2e, for the tests that read them.
export RUN SHARD LIMIT FULL

BIN      := $(CURDIR)/bin
PROGRAMS := waagent fabricsim ovfgen scenarios
LDFLAGS  := -s -w -X github.com/waagent-go/waagent/agent.release=$(VERSION)
SCENARIO_ENV = WAAGENT_BIN=$(BIN) WAAGENT_OUT=$(CURDIR)/out IMAGE=$(E2E_IMAGE) DRIVER=$(DRIVER)
# Without a choice of the caller, scripts choose.
E2E_IMAGE := $(if $(filter file,$(origin IMAGE)),,$(IMAGE))

# Guests of another processor take half an hour to build: only what asks for them gets programs and tools for them.
ARM64 := $(if $(strip $(FULL) $(findstring arm64,$(RUN) $(IMAGE))),arm64)

.DEFAULT_GOAL := help
.PHONY: help ready arm64 run build test lint fuzz e2e images bench cross clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  DRIVER=container|qemu|loopback   where a guest runs          IMAGE=debian12   which guest"
	@echo "  RUN=regexp SHARD=2/5 LIMIT=40m FULL=1   what e2e runs        NO_INSTALL=1     print what is missing, install nothing"

run: ## boot a guest into a simulated fabric and watch it become Ready
	@driver=$$(ci/prepare run "$(DRIVER)" $(ARM64)) && \
	$(MAKE) --no-print-directory -s build $(ARM64) && \
	$(BIN)/scenarios demo -driver "$$driver" -image $(IMAGE)

build: ## build the four programs into ./bin, static
	@mkdir -p $(BIN)
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/ $(PROGRAMS:%=./cmd/%)

arm64: # the programs that go into guests of that processor, into ./bin/arm64
	@mkdir -p $(BIN)/arm64
	CGO_ENABLED=0 GOARCH=arm64 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/arm64/ ./cmd/waagent ./cmd/scenarios

test: ready lint build ## Go tests with the race detector, loopback flows, quick scripts and the strangers
	@WAAGENT_SCENARIOS=quick $(SCENARIO_ENV) go run ./ci/gotest -race -timeout 20m ./...

e2e: ready build cross $(ARM64) ## flows of hours, every script on its cheapest driver, and the matrix of images (IMAGE= DRIVER= RUN= SHARD= LIMIT= FULL=)
	@WAAGENT_SCENARIOS=e2e $(SCENARIO_ENV) go run ./ci/gotest -tags flows -count=1 -timeout 24h -run '$(if $(RUN),^TestScenarios$$)' ./scenarios

lint: ## gofmt, go vet and staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted by gofmt:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go vet -tags flows,slow ./scenarios/... ./images
	go tool staticcheck ./...

cross: ## build the agent for arm64 and FreeBSD, and the tools for macOS
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -o /dev/null ./cmd/waagent
	CGO_ENABLED=0 GOOS=freebsd GOARCH=amd64 go build -o /dev/null ./cmd/waagent
	CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 go build -o /dev/null ./cmd/fabricsim
	CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 go build -o /dev/null ./cmd/ovfgen

fuzz: ## every fuzz test for FUZZTIME=30s
	@ci/fuzz $(FUZZTIME)

images: ## build and cache the guests' images (IMAGE=debian12 for one), and say which cannot be had
	@ci/prepare images $(ARM64)
	go run ./ci/images $(E2E_IMAGE)

bench: ## benchmarks
	go test -run '^$$' -bench . -benchmem ./...

ready: # installs what tests need, or names it
	@ci/prepare test $(ARM64)

clean: ## remove what was built here; cached images stay
	rm -rf bin out
