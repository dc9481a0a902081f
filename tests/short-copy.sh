#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: a write whose buffer goes away while it is copied is written whole, and no mapped store is lost
# LOWERS: xfs ext4
# KERNELS: 6.1/ext4
# PROCESSORS: 2
. "${0%/*}/lib.sh"

fresh
shortcopy -m "$MNT/file" -l "$LOWER/file" -b "$T/buffer" -s "$SEED" -n "$(rounds 300 100 20000)"
copies=$(<"/sys/fs/wtfs/$(mountpoint -d "$MNT")/short_copies")
note "$copies copies were short"
assert_gt "$copies" 0 "short copies"
