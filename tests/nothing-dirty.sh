#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: while 1 GiB is written, under 8 MiB of memory is dirty or under writeback
# LOWERS: xfs ext4
# PROCESSORS: 2
. "${0%/*}/lib.sh"

# 512 MiB of each: a GiB in all
fresh
for unit in 1024 64; do
	most=$(dirtywatch "$MNT/file" 64 "$unit" 512)
	note "writes of $unit KiB: at most $most KiB dirty"
	assert_lt "$most" 8192 "KiB dirty or under writeback with writes of $unit KiB"
done
