# SPDX-License-Identifier: GPL-2.0-only
#
# For people. Kbuild is what the kernel's build system reads.

KDIR ?= /lib/modules/$(shell uname -r)/build

# For the laboratory: which kernels, tests and lower filesystems; more output
export KERNEL TESTS LOWERS V REFRESH BROKEN CASES LATENCY DEBUG FULL ONLY HOURS

modules:
	@test -d $(KDIR) || { echo "no kernel headers in $(KDIR): install them (linux-headers-...) or set KDIR" >&2; exit 1; }
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

install: modules
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules_install
	depmod -a $(notdir $(patsubst %/,%,$(dir $(KDIR))))
	install -D -m 644 -t $(DESTDIR)/usr/local/share/man/man8 docs/mount.wtfs.8 docs/wtfsstat.8

clean:
	@test ! -d $(KDIR) || $(MAKE) -C $(KDIR) M=$(CURDIR) clean
	rm -rf build

guest:
	@scripts/guest-build

demo:
	@scripts/demo

bench:
	@scripts/bench

check:
	@scripts/check

lint:
	@scripts/lint

soak:
	@scripts/soak

check-the-checker:
	@scripts/check-the-checker

shell:
	@scripts/shell

deb:
	@scripts/deb

help:
	@echo 'make [modules]   build wtfs.ko for KDIR (default: the running kernel)'
	@echo 'make install     install it, as root'
	@echo 'make deb         the Debian packages wtfs-dkms and wtfs-tools, into build/deb'
	@echo 'make clean       remove everything built here'
	@echo
	@echo 'The rest runs in a small virtual machine and touches nothing of this one:'
	@echo 'make demo        see wtfs work, and how fast it is           [KERNEL=7.3]'
	@echo 'make bench       measure it against the plain lower filesystem, into bench/'
	@echo '                 [KERNEL=7.3] [CASES="a b"] [LATENCY="80 10"] [LOWERS=xfs]'
	@echo 'make check       run the tests  [KERNEL="6.1 7.3"] [TESTS="a b"] [LOWERS=xfs] [V=1]'
	@echo 'make check FULL=1    ... every test on every kernel; an hour and more'
	@echo 'make check DEBUG=1   ... on a kernel that looks for mistakes; takes hours'
	@echo 'make soak        the same tests, longer, again and again      [HOURS=1]'
	@echo 'make lint        static checks  [ONLY="build style cocci shell version broken"]'
	@echo 'make check-the-checker   do the tests fail when the module is broken?'
	@echo 'make shell       a prompt with wtfs mounted on /data         [KERNEL=7.3]'
	@echo 'make guest       only build the virtual machine              [REFRESH=1]'

.PHONY: modules install clean guest demo bench check soak lint check-the-checker shell deb help
