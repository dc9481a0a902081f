#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: the promise holds on a mount with io=buffered
# LOWERS: xfs ext4
# TIME: 20
# TIMEOUT: 300
. "${0%/*}/lib.sh"

fresh --wtfs io=buffered
promise -m "$MNT" -l "$LOWER" -d "$DEV" -s "$SEED" -n "$(rounds 300 300 5000)"
