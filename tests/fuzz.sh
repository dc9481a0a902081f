#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: random operations, by one process and by four, do on wtfs what they do on the plain lower
# LOWERS: xfs ext4
# KERNELS: 6.1/ext4 6.12/xfs
# PROCESSORS: 2
# TIME: 30
# TIMEOUT: 300
. "${0%/*}/lib.sh"

fresh_twice
for dir in "$PLAIN" "$MNT"; do
	mkdir "$dir/one" "$dir/four"
done
fuzz -b "$LOWER/one" -s "$SEED" -n "$(rounds 2500 1000 100000)" \
	"$PLAIN/one" "$MNT/one"
fuzz -b "$LOWER/four" -s "$SEED" -n "$(rounds 2500 1000 100000)" -p 4 \
	"$PLAIN/four" "$MNT/four"

note "and so it is below, without wtfs"
umount_wtfs
for dir in one/fuzz0 four/fuzz0 four/fuzz1 four/fuzz2 four/fuzz3; do
	fuzz -c "$PLAIN/$dir" "$LOWER/$dir"
done
