# What you run by hand while working on the project. .ci/run checks a fresh clone with these targets.

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 1m
PEERS       := simplesamlphp php-cli php-xml php-mbstring php-curl xmlsec1 python3-pysaml2 chromium curl ca-certificates
AXE         := axe-core@4.14.1
SUDO        := $(if $(filter 0,$(shell id -u)),,sudo)

.PHONY: build test race bench fuzz peers axe rfc-check conformance-peers conformance-mutants lint clean

build: ## build static binaries in bin/
	mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/...

test: ## run all tests; skip those that need a program that is not installed (see peers)
	go test ./...

race: ## run the short tests under the race detector
	go test -race -short ./...

bench: ## run the benchmarks
	go test -run '^$$' -bench . -benchmem ./...

fuzz: ## run every fuzz target for FUZZTIME
	@set -e; for package in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
	    echo "$$package $$target"; \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package; \
	  done; \
	done

peers: axe ## install the programs that some tests need (Debian); does nothing if they are all installed
	@missing=$$(for p in $(PEERS); do \
	    dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || printf '%s ' $$p; done); \
	if [ -z "$$missing" ]; then echo "peers: all installed"; exit 0; fi; \
	echo "peers: installing $$missing"; \
	$(SUDO) apt-get update -q && \
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing

axe: ## install axe-core (npm), which judges pages, into bin/axe
	@test -f bin/axe/node_modules/axe-core/axe.min.js && exit 0; \
	command -v npm >/dev/null || { $(SUDO) apt-get update -q && \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends npm; } && \
	mkdir -p bin/axe && npm install --prefix bin/axe --no-audit --no-fund --silent $(AXE)

rfc-check: ## verify what requirements of the suite rest on: make rfc-check RFC=DIR (DIR/rfc7644.txt …)
	go run ./conformance/internal/rfccheck $(RFC)

conformance-peers: ## judge the SCIM servers that can be installed by name (npm, Go); make docs/conformance-peers.md
	conformance/peers/run bin/peers

conformance-mutants: ## run the conformance suite on mutants of its reference server; takes an hour
	go run ./conformance/internal/mutate

lint: ## check formatting, vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...

clean: ## remove bin/ and cached test results
	rm -rf bin
	go clean -testcache
