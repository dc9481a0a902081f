#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: names that change in the lower tree are seen; cached names cost no lookup there
# LOWERS: xfs ext4
# KERNELS: 6.1/ext4
. "${0%/*}/lib.sh"

TRACE=/sys/kernel/tracing

# lookups COMMAND...: how often wtfs_lookup() is called meanwhile
lookups() {
	local probe=$TRACE/events/tests/lookup/enable

	echo "p:tests/lookup wtfs:wtfs_lookup" >$TRACE/kprobe_events
	echo >$TRACE/trace
	echo 1 >"$probe"
	"$@" >/dev/null 2>&1 || true
	echo 0 >"$probe"
	grep -c 'lookup: (wtfs_lookup' $TRACE/trace || true
	echo >$TRACE/kprobe_events
}

fresh
cd "$MNT"
mkdir d
echo 1 >d/f
echo 2 >g
ls -lR . >/dev/null

note "removed below"
rm "$LOWER/g"
not_ok cat g 2>/dev/null
echo new >g
assert_eq "$(cat "$LOWER/g")" new "g made anew"

note "renamed below"
mv "$LOWER/d" "$LOWER/e"
not_ok cat d/f 2>/dev/null
assert_eq "$(cat e/f)" 1 "the new name"

note "created below, after it was looked for"
not_ok cat h 2>/dev/null
echo h >"$LOWER/h"
assert_eq "$(cat h)" h "h"
not_ok ls i 2>/dev/null
echo i >"$LOWER/i"
not_ok mkdir i 2>/dev/null

note "two names swapped below"
cat h i >/dev/null
mv "$LOWER/h" "$LOWER/x"
mv "$LOWER/i" "$LOWER/h"
mv "$LOWER/x" "$LOWER/i"
assert_eq "$(cat h i)" $'i\nh' "the swapped ones"

note "a directory that we are in is removed below"
mkdir k
cd k
rmdir "$LOWER/k"
not_ok touch x 2>/dev/null
not_ok mkdir y 2>/dev/null
cd ..

note "unlinked below"
touch u v
rm "$LOWER/u"
not_ok rm u 2>/dev/null
ln v w
rm "$LOWER/v"
assert_eq "$(stat -c %h w)" 1 "links of w"

note "the target of a rename is removed below, just after it was made"
for _ in 1 2 3 4 5 6 7 8 9 10; do
	echo a >a
	echo b >b
	rm "$LOWER/b"
	mv -n a b
	assert_eq "$(cat b)" a "b"
	rm b
done

note "a file that changed below while nobody had it open"
echo old >c
cat c >/dev/null
echo longer >"$LOWER/c"
assert_eq "$(cat c)" longer "c"

note "cached names"
mkdir -p p/q
echo z >p/q/r
stat p/q/r none >/dev/null 2>&1 || true
assert_eq "$(lookups stat p/q/r p/q/r none)" 0 "lookups of names that are cached"
assert_eq "$(lookups stat p/q/never-seen)" 1 "lookups of a new name"
