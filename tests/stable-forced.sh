#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: over a device that needs stable pages it is stable=mapping, whatever was asked for, and the log says so
# LOWERS: xfs ext4
. "${0%/*}/lib.sh"

lines=0

# is_stable "YES YES" WHAT: is the option shown, and has the log said so
# since the last time?
is_stable() {
	local shown=no said=no now

	if grep -q "^[^ ]* $MNT wtfs [^ ]*stable=mapping" /proc/mounts; then shown=yes; fi
	now=$(dmesg | grep -c 'wtfs: stable=mapping, since') || true
	[ "$now" = "$lines" ] || said=yes
	lines=$now
	assert_eq "$shown $said" "$1" "$2: stable=mapping in /proc/mounts, in the log"
}

fresh --check stable=1
is_stable "yes yes" "a mount with no option"
mount -o remount,writeback "$MNT"
is_stable "yes no" "a remount with no stable="
mount -o remount,stable=folio "$MNT"
is_stable "yes yes" "a remount with stable=folio"
umount_wtfs
mount_wtfs stable=folio
is_stable "yes yes" "a mount with stable=folio"
umount_wtfs
mount_wtfs stable=mapping
is_stable "yes no" "a mount with stable=mapping"

fresh --check stable=0
is_stable "no no" "a mount over a device that does not"
