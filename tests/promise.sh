#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: when a write() returns, its bytes are on the device, in the lower file and in the cache
# LOWERS: xfs ext4
# KERNELS: 6.1/ext4 6.12/xfs
# TIME: 30
# SECTOR: 512 4096
# TIMEOUT: 300
. "${0%/*}/lib.sh"

fresh
# with the larger sectors the edges are other ones; the rest is the same
random=$(rounds 1000 200 20000)
[ "$SECTOR" = 512 ] || random=$(rounds 500 200 20000)
promise -m "$MNT" -l "$LOWER" -d "$DEV" -s "$SEED" -n "$random"
