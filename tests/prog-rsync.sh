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
for dir in {1..6}; do
	mkdir -p "$from/d$dir/e"
	for n in {1..15}; do
		head -c $((RANDOM % 20000)) /dev/urandom >"$from/d$dir/f$n"
	done
	ln "$from/d$dir/f1" "$from/d$dir/e/hard"
	ln -s ../f2 "$from/d$dir/e/soft"
	chmod 640 "$from/d$dir/f3"
	chown 1234:4321 "$from/d$dir/f4"
	setfattr -n user.name -v "value $dir" "$from/d$dir/f5"
	setfacl -m u:1234:rw "$from/d$dir/f6"
	setfacl -d -m g:4321:rx "$from/d$dir/e"
	touch -d "200$dir-01-01 01:02:03.456789" "$from/d$dir/f7" "$from/d$dir"
done
truncate -s 5M "$from/sparse"
echo x >>"$from/sparse"
head -c 4000001 /dev/urandom >"$from/large"
mkfifo "$from/fifo"

rsync -aHAX "$from/" "$MNT/to/"
assert_eq "$(differences "$from" "$MNT/to")" "" "what a second pass finds"
assert_eq "$(stat -c %h "$MNT/to/d1/f1")" 2 "the links of a copied hard link"

note "a change, copied in place and by rename"
printf changed | dd of="$from/large" bs=1 seek=1000000 conv=notrunc status=none
rm "$from/d1/f8"
mv "$from/d2/f9" "$from/d2/f99"
rsync -aHAX --delete --inplace --no-whole-file "$from/" "$MNT/to/"
assert_eq "$(differences "$from" "$MNT/to")" "" "what is left after --inplace"
echo more >>"$from/d3/f3"
rsync -aHAX --delete "$from/" "$MNT/to/"
drop_caches
assert_eq "$(differences "$from" "$MNT/to")" "" "what is left, from a cold cache"
assert_eq "$(differences "$LOWER/from" "$MNT/to")" "" "what is left, read from below"
diff -r --no-dereference -x fifo "$from" "$LOWER/to" || fail "the copy differs below"
