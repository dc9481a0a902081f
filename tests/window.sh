#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: what a write-through brings to the device is a write and stores in some order, never a mixture
# LOWERS: xfs ext4
# PROCESSORS: 2
. "${0%/*}/lib.sh"

# so that nobody but the writer writes the folio
centisecs=$(cat /proc/sys/vm/dirty_writeback_centisecs)
trap 'echo $centisecs >/proc/sys/vm/dirty_writeback_centisecs' EXIT
echo 360000 >/proc/sys/vm/dirty_writeback_centisecs

for mode in folio mapping; do
	fresh --wtfs "stable=$mode"
	window -m "$MNT/file" -l "$LOWER/file" -d "$DEV" -s "$SEED" -n "$(rounds 700 200 50000)"
done
