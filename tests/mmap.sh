#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: mapped stores, read() and write() see each other at once, and no store is lost
# LOWERS: xfs ext4
# KERNELS: 6.1/xfs 6.12/ext4
# PROCESSORS: 2
# DEBUG: xfs
. "${0%/*}/lib.sh"

fresh
mmaptest -m "$MNT" -l "$LOWER" -d "$DEV" -s "$SEED" -n "$(rounds 1000 100 20000)"

note "behind the end of the file there is nothing to store to"
assert_eq "$(io -o create "$MNT/short" write:0:5000:A store:8192:1:B truncate:100 store:4096:1:B store:50:1:C)" \
	$'5000\nSIGBUS\nok\nSIGBUS\nok' "stores around the end of the file"

note "what a write brings to the device beside a mapped store in a folio of 256 KiB"
ops=()
for _ in {1..60}; do
	ops+=(store:0:1:B write:131072:4096:C)
done
io -o create "$MNT/beside" write:0:262144:A fsync >"$T/out"
before=$(dev_write_sectors)
io "$MNT/beside" "${ops[@]}" >"$T/out"
written=$((($(dev_write_sectors) - before) / 2))
note "60 writes of 4 KiB, each after a store: $written KiB"
assert_le $written $((3 * 60 * 4)) "KiB on the device for 60 writes of 4 KiB, each after a store"
