# make demo     see it work on real packets, in a lab of network namespaces (needs root)
# make test     all tests (needs root)
# make check    types, lint, borders between rooms, generated files, unit and property tests
# make guest-migrate    the data planes changed under load, in a machine that qemu emulates (some six minutes)
# make bench    measured beside nftables, haproxy, nginx stream and plain routing (needs root, some ten minutes)
# make bench-packets    what single packets cost; BENCH='--against COMMIT' beside an earlier version (needs root, a minute or some)
# make bench-scale    10,000 services and a million connections: load, change, sweep, listing, memory (needs root, a minute)
.PHONY: demo demo-down test check bench bench-packets bench-scale build install generate packages guest guest-migrate clean
.DEFAULT_GOAL := build
BIN := node_modules/.bin

# One of: KEEP=1 leaves the demo's lab up; TESTS=path runs some of the tests only; BENCH='flags' of bench/run.ts.
KEEP ?=
TESTS ?=
BENCH ?=

demo: build
	@node dist/lab/demo.js $(if $(KEEP),--keep)

# Removes what KEEP=1 left up.
demo-down: build
	@node dist/lab/demo.js --down

test: build guest
	@scripts/install-packages.sh --test
	@$(BIN)/vitest run $(TESTS)

check: install
	@$(BIN)/tsc -p .
	@$(BIN)/biome check .
	@$(BIN)/depcruise --config .dependency-cruiser.cjs --no-progress bin src bench
	@$(BIN)/tsx scripts/generate-contract.ts --check
	@$(BIN)/vitest run --project unit

bench: build
	@scripts/install-packages.sh --bench
	@$(BIN)/tsx bench/run.ts $(BENCH)

bench-packets: build
	@$(BIN)/tsx bench/packet/run.ts $(BENCH)

bench-scale: build
	@$(BIN)/tsx bench/scale/run.ts $(BENCH)

build: install
	@$(BIN)/tsx scripts/build.ts

generate: install
	@$(BIN)/tsx scripts/generate-contract.ts
	@$(BIN)/tsx scripts/generate-schema.ts
	@$(BIN)/tsx scripts/generate-openapi.ts
	@$(BIN)/tsx scripts/generate-man.ts

install: packages node_modules/.package-lock.json

packages:
	@scripts/install-packages.sh

# What cannot be fetched is said, and its tests are counted as skipped.
guest: packages
	@scripts/install-packages.sh --guest || true

guest-migrate: build
	@scripts/install-packages.sh --migrate
	@$(BIN)/tsx test/guest/migrate/run.ts

node_modules/.package-lock.json: package-lock.json package.json .npmrc
	@echo "npm ci: installing the libraries of package-lock.json into node_modules/"
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

clean:
	rm -rf dist build coverage
