#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: the promise holds where the lower filesystem's blocks are 1 KiB
# LOWERS: xfs ext4
# TIME: 20
# TIMEOUT: 300
. "${0%/*}/lib.sh"

fresh --mkfs "-b $([ "$LOWERFS" = xfs ] && echo size=)1024"
promise -m "$MNT" -l "$LOWER" -d "$DEV" -s "$SEED" -n "$(rounds 300 300 5000)"
