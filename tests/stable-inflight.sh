#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: a write-through never changes on its way to the device, and with stable=mapping no write does
# LOWERS: xfs ext4
# KERNELS: 6.1/ext4
# PROCESSORS: 2
# TIMEOUT: 200
. "${0%/*}/lib.sh"

# writes of what, how many of them changed
report() {
	echo "$1: of $(blkcheck_get checked "$2") writes $2 $(blkcheck_get changed "$2") changed"
}

# stir MODE: everything at once, over a device that checks
stir() {
	fresh --check delay_us=0 --wtfs "stable=$1"
	blkcheck_set delay_us "${DELAY:-2000}"
	inflight -m "$MNT/file" -l "$LOWER/file" -s "$SEED" -t "$(rounds 5 5 300)"
	blkcheck_set delay_us 0
	report "stable=$1" through
	report "stable=$1" ordinary
	report "stable=$1" lower
	report "stable=$1" other
	assert_eq "$(blkcheck_get changed through)" 0 "stable=$1: write-throughs that changed in flight"
	assert_ge "$(blkcheck_get checked through)" 100 "stable=$1: write-throughs"
	assert_ge "$(blkcheck_get checked ordinary)" 10 "stable=$1: writes of write-back"
	# the lower's own matter, if it were so; it is not
	assert_eq "$(blkcheck_get changed lower)" 0 "stable=$1: writes of the lower page cache that changed"
}

stir folio
# nothing is wrong with that, and it shows that the device can tell
assert_gt "$(blkcheck_get changed ordinary)" 0 "stable=folio: writes of write-back that changed in flight"
stir mapping
assert_eq "$(blkcheck_get changed ordinary)" 0 "stable=mapping: writes of write-back that changed in flight"
assert_eq "$(blkcheck_get changed other)" 0 "stable=mapping: other writes that changed in flight"
