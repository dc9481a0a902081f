#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: writers of one file don't tear each other's records, and cache and device agree after them
# LOWERS: xfs ext4
# KERNELS: 6.1/ext4
# PROCESSORS: 2
# TIME: 20
# DEBUG: ext4
# TIMEOUT: 300
. "${0%/*}/lib.sh"

fresh
concurrent -m "$MNT" -l "$LOWER" -d "$DEV" -s "$SEED" -n "$(rounds 20 10 200)"
