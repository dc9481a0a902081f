#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: rsync -aHAX copies a tree with everything, and a second pass finds no difference
# LOWERS: xfs ext4
. "${0%/*}/lib.sh"

# differences FROM TO: what rsync would still do, by checksum
differences() {
	rsync -aHAXnic --delete "$1/" "$2/"
}

fresh
from=$MNT/from
mkdir -p "$from"
dirs=$(rounds 2 2 6)
head -c 150000 /dev/urandom >"$T/random"
for ((dir = 1; dir <= dirs; dir++)); do
	mkdir -p "$from/d$dir/e"
	split -a 1 -b $((10007 + dir)) "$T/random" "$from/d$dir/f"
	ln "$from/d$dir/fa" "$from/d$dir/e/hard"
	ln -s ../fb "$from/d$dir/e/soft"
	chmod 640 "$from/d$dir/fc"
	chown 1234:4321 "$from/d$dir/fd"
	setfattr -n user.name -v "value $dir" "$from/d$dir/fe"
	setfacl -m u:1234:rw "$from/d$dir/ff"
	setfacl -d -m g:4321:rx "$from/d$dir/e"
	touch -d "200$dir-01-01 01:02:03.456789" "$from/d$dir/fg" "$from/d$dir"
done
truncate -s 5M "$from/sparse"
echo x >>"$from/sparse"
head -c 1000001 /dev/urandom >"$from/large"
mkfifo "$from/fifo"

rsync -aHAX "$from/" "$MNT/to/"
assert_eq "$(differences "$from" "$MNT/to")" "" "what a second pass finds"
assert_eq "$(stat -c %h "$MNT/to/d1/fa")" 2 "the links of a copied hard link"

note "a change, copied in place and by rename"
printf changed | dd of="$from/large" bs=1 seek=500000 conv=notrunc status=none
rm "$from/d1/fh"
mv "$from/d2/fi" "$from/d2/moved"
rsync -aHAX --delete --inplace --no-whole-file "$from/" "$MNT/to/"
assert_eq "$(differences "$from" "$MNT/to")" "" "what is left after --inplace"
echo more >>"$from/d2/fc"
rsync -aHAX --delete "$from/" "$MNT/to/"
drop_caches
assert_eq "$(differences "$from" "$MNT/to")" "" "what is left, from a cold cache"
assert_eq "$(differences "$LOWER/from" "$MNT/to")" "" "what is left, read from below"
diff -r --no-dereference -x fifo "$from" "$LOWER/to" || fail "the copy differs below"
