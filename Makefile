# make demo     see it work on real packets, in a lab of network namespaces (needs root)
# make test     all tests (needs root)
# make check    types, lint, borders between rooms, generated files, unit and property tests
# make bench    measured beside nftables, haproxy and plain routing (needs root)
.PHONY: demo test check bench build install generate packages clean
.DEFAULT_GOAL := build

# One of: KEEP=1 leaves the demo's lab up; TESTS=path runs some of the tests only.
KEEP ?=
TESTS ?=

demo: build
	@node dist/lab/demo.js $(if $(KEEP),--keep)

test: build
	@npx vitest run $(TESTS)

check: install
	@npx tsc -p .
	@npx biome check .
	@npx depcruise --config .dependency-cruiser.cjs --no-progress bin src bench
	@npx tsx scripts/generate-contract.ts --check
	@npx vitest run --project unit

bench: build
	@scripts/install-packages.sh --bench
	@npx tsx bench/run.ts $(BENCH)

build: install
	@npx tsx scripts/build.ts

generate: install
	@npx tsx scripts/generate-contract.ts
	@npx tsx scripts/generate-schema.ts

install: packages node_modules/.package-lock.json

packages:
	@scripts/install-packages.sh

node_modules/.package-lock.json: package-lock.json package.json .npmrc
	@echo "npm ci: installing the libraries of package-lock.json into node_modules/"
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

clean:
	rm -rf dist build coverage
