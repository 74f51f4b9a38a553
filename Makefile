# The front door; make help lists what there is. CMake does the building, in build/ (BUILD=...).
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

.PHONY: all programs help deps deps-dev deps-scaling deps-mpi deps-study test mpi-test install demo demo-code scaling study check lint format lines \
  asan tsan bench fuzz crash-test conformance man clean

# `programs` is all without the tests, so that a demo begins soon.
all: ## build the programs and their tests (the default)
programs: ## build the programs only
all programs:
	@$(UNMADE) cmake --log-level=WARNING -S . -B $(BUILD) -DCMAKE_INSTALL_PREFIX=$(PREFIX) $(CMAKE_FLAGS) >/dev/null
	@$(UNMADE) cmake --build $(BUILD) --parallel $(JOBS) --target $@

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'Variables: BUILD=build PREFIX=/usr/local DESTDIR= JOBS=$(JOBS) CMAKE_FLAGS= TEST_FLAGS='

deps: ## install what building, testing and the demo need
	@.ci/deps
deps-dev: ## and what make check and make lint need
	@.ci/deps dev
deps-scaling: ## and gnuplot, for the pictures of lm-plot and make scaling
	@.ci/deps scaling
deps-mpi: ## and Open MPI, for mpirun lm-train
	@.ci/deps mpi
deps-study: ## and the dictionaries and documentation that make study trains on
	@.ci/deps study

test: all ## build and run all tests
	@$(CTEST) --test-dir $(BUILD) -j2 $(TEST_FLAGS)

install: all ## install programs, manual pages and share/lm under PREFIX
	@DESTDIR=$(DESTDIR) $(UNMADE) cmake --install $(BUILD)

demo: programs ## train a small model on a free text, and let it write: about 5 minutes
	@LM_BIN=$(CURDIR)/$(BUILD)/bin share/lm/demo.sh
demo-code: programs ## the same for source code, with lm-fim
	@LM_BIN=$(CURDIR)/$(BUILD)/bin share/lm/demo-code.sh
# TEXT=FILE, TIME=10m and more: see the script. Its pictures need what make deps-scaling installs. FOLDER keeps the runs.
scaling: programs ## how loss falls with parameters, tokens and compute on TEXT=FILE
	@LM_BIN=$(CURDIR)/$(BUILD)/bin share/lm/scaling.sh "$(or $(FOLDER),$(BUILD)/scaling)"
# SIZE=full is hours; TEXT=FILE, TIME=10m and more: see the script. Its text is what make deps-study installs. FOLDER keeps the runs.
study: programs ## what predicting the next token buys, by models of several sizes and their answers to the probes
	@LM_BIN=$(CURDIR)/$(BUILD)/bin share/lm/study.sh "$(or $(FOLDER),$(BUILD)/study)"

# Sanitizers build in folders of their own.
UNIT_TESTS := ^(base|stats|tensor|text|data|kernels|objectives|model|train|infer|tasks)/
asan: ## the unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory all BUILD=build-asan CMAKE_FLAGS='-DLM_SANITIZE=address $(CMAKE_FLAGS)'
	@$(CTEST) --test-dir build-asan -j2 --timeout 1200 -R '$(UNIT_TESTS)' $(TEST_FLAGS)
tsan: ## the unit tests under ThreadSanitizer
	@$(MAKE) --no-print-directory all BUILD=build-tsan CMAKE_FLAGS='-DLM_SANITIZE=thread $(CMAKE_FLAGS)'
	@$(CTEST) --test-dir build-tsan -j1 --timeout 1200 -R '$(UNIT_TESTS)' $(TEST_FLAGS)

# Longer runs than the tests': every script of the folder, one after another; the first failure ends it.
bench: ## measure speed and memory
fuzz: ## feed programs and readers random input
crash-test: ## kill programs while they write
bench: FOLDER = bench
fuzz: FOLDER = fuzz
crash-test: FOLDER = crash
bench fuzz crash-test: all
	@$(UNMADE) cmake --build $(BUILD) --parallel $(JOBS) --target $(if $(filter bench fuzz,$@),$@_programs,all)
	@LM_BIN=$(CURDIR)/$(BUILD)/bin LM_SOURCE=$(CURDIR) tests/support/run_folder $(FOLDER)

mpi-test: ## long runs under mpirun: every objective, 1 to 8 ranks, random kills
mpi-test: all
	@LM_BIN=$(CURDIR)/$(BUILD)/bin LM_SOURCE=$(CURDIR) tests/support/run_folder mpi

# In a Python environment of its own; skipped with a message if that cannot be had.
conformance: all ## compare with other people's programs
	@LM_BIN=$(CURDIR)/$(BUILD)/bin bash tests/conformance/run.sh || [ $$? = 77 ]

SOURCES = $(shell git ls-files -co --exclude-standard '*.h' '*.cpp')
SCRIPTS = .ci/deps .ci/run .ci/changed $(shell git ls-files -co --exclude-standard '*.sh' 'tests/support/run_*' 'tests/support/slurm/*')
CHANGED = $(shell .ci/changed '*.h' '*.cpp')
CHANGED_SCRIPTS = $(filter $(SCRIPTS),$(shell .ci/changed))
needs = @command -v $(1) >/dev/null || { echo "there is no $(1); make deps-dev installs it" >&2; exit 1; }
# clang-tidy wants every file by itself, compiled without gcc's precompiled headers: a folder that is configured and never built.
TIDY = $(UNMADE) cmake --log-level=WARNING -S . -B $(BUILD)-lint -DCMAKE_UNITY_BUILD=OFF -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON \
  -DBUILD_TESTING=OFF $(CMAKE_FLAGS) >/dev/null && $(UNMADE) xargs -r -n1 -P$(JOBS) clang-tidy-14 --quiet -p $(BUILD)-lint

# What a change needs before its commit: as lint, but clang-tidy only of the sources that differ from main, a header's by its name.
check: all ## before a commit: format, layering, clang-tidy and shellcheck of what changed, unit tests
	$(call needs,clang-format-14)
	$(call needs,clang-tidy-14)
	$(call needs,shellcheck)
	@echo '$(CHANGED)' | xargs -r clang-format-14 --dry-run -Werror
	@echo '$(CHANGED_SCRIPTS)' | xargs -r shellcheck -s bash -x
	@LM_SOURCE=$(CURDIR) bash tests/layering.sh
	@$(MAKE) --no-print-directory lines
	@$(TIDY) <<< '$(sort $(wildcard $(patsubst %.h,%.cpp,$(filter lib/% cmd/%,$(CHANGED)))))'
	@$(CTEST) --test-dir $(BUILD) -j$(JOBS) -R '$(UNIT_TESTS)' $(TEST_FLAGS)

lint: all ## format, layering, manual pages, shellcheck and clang-tidy of everything: some minutes
	$(call needs,clang-format-14)
	$(call needs,clang-tidy-14)
	$(call needs,shellcheck)
	@clang-format-14 --dry-run -Werror $(SOURCES)
	@LM_SOURCE=$(CURDIR) LM_BIN=$(CURDIR)/$(BUILD)/bin bash tests/layering.sh
	@LM_SOURCE=$(CURDIR) LM_BIN=$(CURDIR)/$(BUILD)/bin bash tests/man/lint.sh
	@shellcheck -s bash -x $(SCRIPTS)
	@$(TIDY) <<< '$(filter lib/%.cpp cmd/%.cpp,$(SOURCES))'

format: ## format the sources
	$(call needs,clang-format-14)
	@clang-format-14 -i $(SOURCES)

lines: ## list the files that have grown too long
	@wc -l $(SOURCES) | awk '$$2 != "total" && $$1 > 400 { print $$2 ": " $$1 " lines, 400 at the most"; bad = 1 } END { exit bad }'

man: ## the manual as HTML
	@mkdir -p $(BUILD)/man
	@for page in man/*.[157]; do mandoc -T html -O man=%N.%S.html $$page >$(BUILD)/man/$$(basename $$page).html; done
	@echo $(BUILD)/man/lm.7.html

clean: ## remove the build folders
	@rm -rf build build-asan build-tsan build-lint
