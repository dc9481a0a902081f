#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: DKMS adds, builds, installs and removes the module
# TIMEOUT: 600
#
# In the guest's tree, with an overlay in memory over it that goes away with
# the mount namespace. For every kernel when all is asked for, or this test by name:
# a plain check builds the module for all of them elsewhere, with the same Kbuild.
set -eu -o pipefail
TOP=$(cd "${0%/*}/../.." && pwd)
. "$TOP/scripts/lab.sh"

fail() {
	echo "FAIL: $*"
	exit 1
}

# in_namespace: the part that mounts
in_namespace() {
	local root

	overlay_guest || { echo "SKIP: this machine has no overlayfs"; exit 77; }
	mkdir -p "$root/usr/src/wtfs"
	tar -C "$TOP" --exclude='*.o' --exclude='*.ko' --exclude='*.mod*' --exclude='.*.cmd' \
		-cf - Kbuild Makefile dkms.conf module | tar -C "$root/usr/src/wtfs" -xf -
	for_each_kernel
}

for_each_kernel() {
	local label release module version kernels=${ALL_KERNELS##* }

	[ -z "${FULL:-}${TESTS:-}" ] || kernels=$ALL_KERNELS
	version=$(package_version)
	in_overlay dkms add /usr/src/wtfs || fail "dkms add"
	for label in $kernels; do
		release=$(kernel_release "$label")
		in_overlay dkms build -m wtfs -v "$version" -k "$release" || {
			cat "$root/var/lib/dkms/wtfs/$version/build/make.log"
			fail "dkms build for $label"
		}
		in_overlay dkms install -m wtfs -v "$version" -k "$release" || fail "dkms install for $label"
		module=$(in_overlay modinfo -k "$release" -n wtfs)
		[[ $module == */updates/dkms/wtfs.ko* ]] || fail "$label: modinfo finds '$module'"
	done
	in_overlay dkms remove -m wtfs -v "$version" --all || fail "dkms remove"
	! in_overlay modinfo -k "$release" wtfs 2>/dev/null || fail "the module is still there after removal"
}

if [ "${1:-}" = inside ]; then
	in_namespace
else
	[ -e "$TOP/Kbuild" ] || fail "no Kbuild: there is no module"
	exec unshare --mount --propagation private bash "$0" inside
fi
