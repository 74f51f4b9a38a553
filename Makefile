# The front door: make deps, make, make test, make demo, make demo-code, make scaling. CMake does the building, in build/ (BUILD=...).
SHELL := /bin/bash
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
CMAKE_FLAGS ?=
TEST_FLAGS ?=

# `make -j4 deps test` must install before it builds: targets run one after another, and CMake's own build is parallel. Make's
# job server is not passed on, since it would then have one job.
.NOTPARALLEL:
UNMADE := env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL
CTEST := $(UNMADE) ctest --output-on-failure --timeout 300

.PHONY: all programs deps test install demo demo-code scaling deps-scaling lint format asan tsan bench fuzz crash-test conformance lines man clean

# `programs` is all without the tests, so that a demo begins soon.
all programs:
	@$(UNMADE) cmake --log-level=WARNING -S . -B $(BUILD) -DCMAKE_INSTALL_PREFIX=$(PREFIX) $(CMAKE_FLAGS) >/dev/null
	@$(UNMADE) cmake --build $(BUILD) --parallel $(JOBS) --target $@

deps:
	@.ci/deps
deps-scaling:
	@.ci/deps scaling

test: all
	@$(CTEST) --test-dir $(BUILD) -j2 $(TEST_FLAGS)

install: all
	@DESTDIR=$(DESTDIR) $(UNMADE) cmake --install $(BUILD)

demo: programs
	@LM_BIN=$(CURDIR)/$(BUILD)/bin share/lm/demo.sh
demo-code: programs
	@LM_BIN=$(CURDIR)/$(BUILD)/bin share/lm/demo-code.sh
# TEXT=FILE, TIME=10m and more: see the script. Its pictures need what make deps-scaling installs. FOLDER keeps the runs.
scaling: programs
	@LM_BIN=$(CURDIR)/$(BUILD)/bin share/lm/scaling.sh "$(or $(FOLDER),$(BUILD)/scaling)"

# The unit tests under AddressSanitizer and UndefinedBehaviorSanitizer, and under ThreadSanitizer, in folders of their own.
UNIT_TESTS := ^(base|tensor|text|data|kernels|objectives|model|train|infer|tasks)/
asan:
	@$(MAKE) --no-print-directory all BUILD=build-asan CMAKE_FLAGS='-DLM_SANITIZE=address $(CMAKE_FLAGS)'
	@$(CTEST) --test-dir build-asan -j2 --timeout 1200 -R '$(UNIT_TESTS)' $(TEST_FLAGS)
tsan:
	@$(MAKE) --no-print-directory all BUILD=build-tsan CMAKE_FLAGS='-DLM_SANITIZE=thread $(CMAKE_FLAGS)'
	@$(CTEST) --test-dir build-tsan -j1 --timeout 1200 -R '$(UNIT_TESTS)' $(TEST_FLAGS)

# Longer runs than the tests': every script of the folder, one after another; the first failure ends it.
bench: FOLDER = bench
fuzz: FOLDER = fuzz
crash-test: FOLDER = crash
bench fuzz crash-test: all
	@$(UNMADE) cmake --build $(BUILD) --parallel $(JOBS) --target $(if $(filter bench fuzz,$@),$@_programs,all)
	@LM_BIN=$(CURDIR)/$(BUILD)/bin LM_SOURCE=$(CURDIR) tests/support/run_folder $(FOLDER)

# Against other people's programs, in a Python environment of its own; skipped with a message where that cannot be had.
conformance: all
	@LM_BIN=$(CURDIR)/$(BUILD)/bin bash tests/conformance/run.sh || [ $$? = 77 ]

SOURCES = $(shell git ls-files -co --exclude-standard '*.h' '*.cpp')
lint: all
	@clang-format-14 --dry-run -Werror $(SOURCES)
	@LM_SOURCE=$(CURDIR) bash tests/layering.sh
	@LM_SOURCE=$(CURDIR) bash tests/man/lint.sh
	@if command -v shellcheck >/dev/null; then \
	  shellcheck -s bash -x .ci/deps .ci/run $$(git ls-files -co --exclude-standard '*.sh' 'tests/support/run_*'); fi
	@$(UNMADE) xargs -n1 -P$(JOBS) clang-tidy-14 --quiet -p $(BUILD) <<< '$(filter lib/%.cpp cmd/%.cpp,$(SOURCES))'

format:
	@clang-format-14 -i $(SOURCES)

lines:
	@wc -l $(SOURCES) | awk '$$2 != "total" && $$1 > 400 { print $$2 ": " $$1 " lines, 400 at the most"; bad = 1 } END { exit bad }'

man:
	@mkdir -p $(BUILD)/man
	@for page in man/*.[157]; do mandoc -T html -O man=%N.%S.html $$page >$(BUILD)/man/$$(basename $$page).html; done
	@echo $(BUILD)/man/lm.7.html

clean:
	@rm -rf build build-asan build-tsan
