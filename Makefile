# machvm: short names for what meson and ninja do. Every target works from a
# fresh clone, as root or through sudo, and installs what it needs first.

PREFIX ?= /usr/local
BUILD  ?= build

.PHONY: all demo check check-real check-kernels harm bench fuzz install clean
all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

demo: all
	@./examples/demo.sh $(BUILD)

check: all
	@./tests/check.sh $(BUILD)

# Live servers and runtimes under load, some five minutes; MACHVM_REAL=long for more.
check-real:
	@./bootstrap real
	@$(MAKE) --no-print-directory all
	@./tests/real/run.sh $(BUILD)

# The test programs on other kernels, in virtual machines.
check-kernels:
	@./bootstrap kernels
	@$(MAKE) --no-print-directory all
	@./tests/kernels/kernels.py $(BUILD) $(KERNELS)

# A thousand rounds of everything that stops a target, an hour or two of it.
harm: all
	@MACHVM_HARM=full meson test -C $(BUILD) --no-rebuild --suite remote --suite harm --print-errorlogs

bench:
	@./bootstrap bench
	@$(MAKE) --no-print-directory all
	@./bench/run.sh $(BUILD)

fuzz:
	@./bootstrap fuzz
	@./fuzz/run.sh

install: all
	@meson configure $(BUILD) --prefix $(abspath $(PREFIX))
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD)

clean:
	@rm -rf $(BUILD) build-*

$(BUILD)/build.ninja:
	@./bootstrap
	@meson setup $(BUILD) --prefix $(abspath $(PREFIX)) >$(BUILD).log 2>&1 || { cat $(BUILD).log; rm -f $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log
