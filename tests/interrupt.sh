#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: on a device whose requests end in an interrupt, all kinds of writes keep their promise
# LOWERS: xfs ext4
# PROCESSORS: 2
# DEBUG: xfs
. "${0%/*}/lib.sh"

# elsewhere null_blk ends a request in the thread that began it
fresh --blk "irqmode=2 completion_nsec=20000"
promise -m "$MNT" -l "$LOWER" -d "$DEV" -s "$SEED" -n "$(rounds 200 20)"
concurrent -m "$MNT" -l "$LOWER" -d "$DEV" -s "$SEED" -n "$(rounds 5 1)"
# the last reference on the file goes while a work item may still be in the lower
async vanish "$MNT/vanish" "$(rounds 20 10)"
