# SPDX-License-Identifier: LGPL-2.1-or-later
# The front door, thin over meson.  BUILD=dir and MESON_OPTIONS="-D..." choose another build.
BUILD ?= build
MESON_OPTIONS ?=
PREFIX ?= /usr/local
CHECK = /usr/bin/python3 ci/with-root.py /usr/bin/python3 ci/run-checks.py

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(MESON_OPTIONS) --prefix $(PREFIX) $(BUILD)

demo:
	ci/install-deps.sh build demo
	$(MAKE) --no-print-directory all
	BUILD=$(BUILD) /usr/bin/python3 ci/with-root.py ci/demo.sh

check: test-build
	$(CHECK) --build $(BUILD) unit integration booted

check-unit check-integration check-booted: check-%: test-build
	$(CHECK) --build $(BUILD) $*

# Fifty cuts of a machine's power, which take most of an hour.
check-power: test-build
	ci/install-deps.sh power
	SC_ROUNDS=$${SC_ROUNDS:-50} $(CHECK) --build $(BUILD) power

# What is cut short at some calls, at every one, with every error.
check-kill: test-build
	SC_ROUNDS=all $(CHECK) --build $(BUILD) --only 'kill|^update$$' integration booted

test-build:
	ci/install-deps.sh build demo test
	$(MAKE) --no-print-directory all

check-asan:
	$(MAKE) --no-print-directory check BUILD=build-asan \
	  MESON_OPTIONS="-Db_sanitize=address,undefined -Db_lundef=false -Dc_args=-fno-sanitize-recover=all $(MESON_OPTIONS)"

bench:
	ci/install-deps.sh build demo test bench
	$(MAKE) --no-print-directory all BUILD=build-bench MESON_OPTIONS=--buildtype=release
	BUILD=build-bench bench/run.sh

deps:
	ci/install-deps.sh build

format:
	clang-format -i $$(git ls-files -co --exclude-standard '*.c' '*.h')

codestyle:
	ci/codestyle.sh

install: all
	meson install -C $(BUILD)

clean:
	rm -rf build build-*

.PHONY: all demo check check-unit check-integration check-booted check-kill check-power test-build check-asan bench deps format codestyle \
  install clean
