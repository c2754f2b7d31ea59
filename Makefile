# braid: what to run. `make` or `make help` lists it.
#
# Each target installs by apt-get what it needs and is missing (Tests/Lab/install). CI=true: what would be
# skipped for want of io_uring, root or a package, fails instead.

PREFIX ?= /usr/local
SEEDS ?= 10000
LINK_SEEDS ?= 1000
FUZZ_SECONDS ?= 600
SWIFT ?= swift
BRAID := $(CURDIR)/.build/release/braid

ifeq ($(CI),true)
export REQUIRE_URING := 1
export REQUIRE_LAB := 1
endif

.PHONY: help build demo demo-bond test lint simulate bench bench-full bench-micro report asan tsan fuzz bond-check install clean
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

build: ## the release: .build/release/braid
	@Tests/Lab/install build
	$(SWIFT) build -c release --static-swift-stdlib --product braid

demo: build ## 2 GiB through braid over loopback, with checksums
	@BRAID=$(BRAID) Benchmarks/demo

demo-bond: build ## four links on one machine, nc and braid, the bytes of each link (root)
	@Tests/Lab/install peer
	@BRAID=$(BRAID) Benchmarks/demo-bond

test: ## all tests
	@Tests/Lab/install build test
	@$(MAKE) --no-print-directory lint build
	$(SWIFT) build --build-tests
	Tests/Lab/check
	Benchmarks/check
	BRAID=$(BRAID) $(SWIFT) test --skip-build --skip 'FaultTests|LabTests'
	@# Alone, since they measure; FAULTS=full makes them long.
	BRAID=$(BRAID) $(SWIFT) test --skip-build --no-parallel --filter 'FaultTests|LabTests'
	Tests/Fuzz/run 15
	$(SWIFT) run -c release simulate --links --count 60
	$(SWIFT) run -c release simulate --links-reversed --count 40

lint: ## the format of the sources
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests

simulate: ## the simulation with SEEDS=10000 seeds, and with LINK_SEEDS=1000 topologies of links
	@Tests/Lab/install build
	$(SWIFT) run -c release simulate --count $(SEEDS) --marks
	$(SWIFT) run -c release simulate --links --count $(LINK_SEEDS)

bench: build ## the benchmarks in short, a few minutes; the lab ones need root
	@Tests/Lab/install bench
	@BRAID=$(BRAID) Benchmarks/run --short
	@$(MAKE) --no-print-directory report

bench-full: build ## all of the benchmarks, an hour or more
	@Tests/Lab/install bench
	@BRAID=$(BRAID) Benchmarks/run
	@$(MAKE) --no-print-directory report

bench-micro: ## the smallest pieces: frame headers, checksums, ring, cores; some seconds
	@Tests/Lab/install build
	$(SWIFT) run -c release microbenchmarks

report: ## pictures and a page from Benchmarks/results/*.json
	@Tests/Lab/install bench
	@Benchmarks/report

# Under a sanitizer the modules are tested in the sanitized test process, and the sanitized command by one that
# is not: Foundation loses sight of processes that it starts there (seen in Swift 6.3: their ends are never told).
# The sanitizer's own memory breaks the bounds of two tests; SLOW=1 skips those whose time it breaks.
SANITIZED_COMMAND = --skip-build --filter CommandLineTests --skip 'memory stays|no time and no memory'

asan: ## the tests under AddressSanitizer, the command in them too
	@Tests/Lab/install build test
	$(SWIFT) build --build-tests --sanitize=address --scratch-path .build/asan
	@# What braid holds when it exits, it holds on purpose; a leak report would change its exit status.
	ASAN_OPTIONS=detect_leaks=0 $(SWIFT) test --skip-build --sanitize=address --scratch-path .build/asan \
	  --skip 'CommandLineTests|FaultTests|LabTests|TidyTests|LiveTests|in another process'
	$(SWIFT) build --build-tests
	ASAN_OPTIONS=detect_leaks=0 BRAID=$(CURDIR)/.build/asan/debug/braid \
	  $(SWIFT) test $(SANITIZED_COMMAND)

# braid has one thread, and one that only passes on messages (relay.c); this shows that nothing else has one in it
# and that these two share nothing. What the kernel writes into memory (completions, data that were read or received)
# the sanitizer does not see, nor what liburing's own code does.
# CommandTests and LiveTests start processes from the test process: see above. A limit on the size of files breaks
# the sanitizer itself, which keeps a part of its state in one.
tsan: ## the tests under ThreadSanitizer, the command in them too
	@Tests/Lab/install build test
	$(SWIFT) build --build-tests --sanitize=thread --scratch-path .build/tsan
	$(SWIFT) test --skip-build --sanitize=thread --scratch-path .build/tsan \
	  --filter '^(WireTests|TransferTests|UringTests|LinksTests)\.' --skip 'CommandTests|LiveTests'
	$(SWIFT) build --build-tests
	SLOW=1 BRAID=$(CURDIR)/.build/tsan/debug/braid $(SWIFT) test $(SANITIZED_COMMAND) --skip 'did not fit counts'

fuzz: ## decoders and sessions against hostile bytes and orders, FUZZ_SECONDS=600
	@Tests/Lab/install build
	Tests/Fuzz/run $(FUZZ_SECONDS)

bond-check: build ## braid over the real bonding driver, in an emulated Linux 6.1; 5 minutes
	@Tests/Lab/install bondvm build
	BRAID=$(BRAID) Tests/Lab/bond-check

install: ## braid, built before, into PREFIX=/usr/local
	@test -x $(BRAID) || { echo "there is no $(BRAID) yet: run \`make build\` first (not as root)" >&2; exit 1; }
	install -D -s -m 755 $(BRAID) $(DESTDIR)$(PREFIX)/bin/braid

clean: ## remove what was built
	rm -rf .build Benchmarks/results/report
