# Everything that is done to the project by hand is a target here; .ci/run does all of it on a fresh machine.

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 1m
PEERS       := simplesamlphp php-cli php-xml php-mbstring php-curl xmlsec1 chromium curl ca-certificates
SUDO        := $(if $(filter 0,$(shell id -u)),,sudo)

.PHONY: build test race bench fuzz peers rfc-check lint clean

build: ## static binaries in bin/
	mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/...

test: ## all tests; those that need a program that is missing are skipped
	go test ./...

race: ## the tests that are not long, under the race detector
	go test -race -short ./...

bench: ## the figures
	go test -run '^$$' -bench . -benchmem ./...

fuzz: ## every fuzz target, each for FUZZTIME
	@set -e; for package in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
	    echo "$$package $$target"; \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package; \
	  done; \
	done

peers: ## programs that tests run against (Debian); nothing is done when they are there
	@missing=$$(for p in $(PEERS); do \
	    dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || printf '%s ' $$p; done); \
	if [ -z "$$missing" ]; then echo "peers: all installed"; exit 0; fi; \
	echo "peers: installing $$missing"; \
	$(SUDO) apt-get update -q && \
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing

rfc-check: ## the conformance suite's requirements against the RFCs' texts: make rfc-check RFC=DIR, with DIR/rfc7644.txt and so on
	go run ./conformance/internal/rfccheck $(RFC)

lint: ## formatting, vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...

clean:
	rm -rf bin
	go clean -testcache
