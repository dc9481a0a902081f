#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: the Debian packages build, install, are upgraded and removed, and a new kernel gets its module
# NEEDS: full
# TIMEOUT: 900
#
# In the guest's tree, with an overlay in memory over it, as tests/host/dkms.sh.
set -eu -o pipefail
TOP=$(cd "${0%/*}/../.." && pwd)
. "$TOP/scripts/lab.sh"

fail() {
	echo "FAIL: $*"
	exit 1
}

# build_packages VERSION: into $BUILD/deb-VERSION
build_packages() {
	local src=$BUILD/deb-src-$1

	rm -rf "$src" "$BUILD/deb-$1"
	mkdir -p "$src"
	(cd "$TOP" && tar -cf - --exclude=./build .) | tar -xf - -C "$src"
	sed -i "s/^PACKAGE_VERSION=.*/PACKAGE_VERSION=\"$1\"/" "$src/dkms.conf"
	sed -i "1s/(.*)/($1)/" "$src/debian/changelog"
	WTFS_BUILD=$BUILD/deb-$1 "$src/scripts/deb" || fail "the packages of $1 do not build"
	rm -rf "$src"
}

# installed LABEL: the version of the module that the kernel finds, or nothing
installed() {
	in_overlay modinfo -k "$(kernel_release "$1")" -F version wtfs 2>/dev/null || true
}

# install VERSION: both packages
install() {
	cp "$BUILD/deb-$1"/deb/*.deb "$root/tmp/"
	in_overlay sh -c "dpkg -i /tmp/wtfs-dkms_$1_*.deb /tmp/wtfs-tools_$1_*.deb" || fail "dpkg -i of $1"
}

# new_kernel LABEL: what the package of a kernel does when it is installed
new_kernel() {
	local release

	release=$(kernel_release "$1")
	in_overlay run-parts --arg="$release" --arg="/boot/vmlinuz-$release" /etc/kernel/postinst.d ||
		fail "the hooks of a new kernel $1"
}

# ours: all files with such a name
ours() {
	in_overlay find / -xdev -name '*wtfs*' -not -path '/tmp/*' | LC_ALL=C sort
}

# in_namespace: the part that mounts
in_namespace() {
	local root new=${ALL_KERNELS##* } old=$1 next=$2 before

	overlay_guest || { echo "SKIP: this machine has no overlayfs"; exit 77; }
	before=$(ours)
	install "$old"
	new_kernel "$new"
	[ "$(installed "$new")" = "$old" ] || fail "the module for $new: '$(installed "$new")'"
	in_overlay test -e /usr/lib/systemd/system/wtfs@.service || fail "no wtfs@.service"
	in_overlay wtfsstat --help >/dev/null || fail "wtfsstat does not run"

	install "$next"
	new_kernel "$new"
	[ "$(installed "$new")" = "$next" ] || fail "after an upgrade the module for $new: '$(installed "$new")'"
	! in_overlay dkms status wtfs | grep -q "^wtfs/$old," || fail "DKMS still has $old"

	in_overlay dpkg --purge wtfs-dkms wtfs-tools || fail "dpkg --purge"
	[ -z "$(installed "$new")" ] || fail "the module is still there after removal"
	[ -z "$(in_overlay dkms status wtfs)" ] || fail "DKMS still has wtfs"
	[ "$(ours)" = "$before" ] || fail "left behind: $(comm -13 <(echo "$before") <(ours) | paste -sd' ')"
}

if [ "${1:-}" = inside ]; then
	shift
	in_namespace "$@"
else
	version=$(package_version)
	build_packages "$version"
	build_packages "$version.1"
	exec unshare --mount --propagation private bash "$0" inside "$version" "$version.1"
fi
