#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: programs confined by AppArmor or Landlock may do on wtfs what they may do on the lower
# LOWERS: xfs ext4
# KERNELS: 6.1/ext4
# TIME: 40
# TIMEOUT: 240
. "${0%/*}/lib.sh"

PROFILE='profile wtfs-test {
	file, capability, mount, umount, pivot_root, network, unix, ptrace, signal, mqueue,
	deny /**/denied rwklx,
	deny /**/denied.d/** rwklx,
}'

# What the lower is asked for by more than names and attributes; all of them where
# there is time.
SOME="namespace.readdir_* namespace.tmpfile_* namespace.getdents_* namespace.rename_plain
	namespace.hard_links attr.acl_default_inherited attr.fallocate_clears_setid
	attr.write_removes_capability attr.quota_blocks_over data.fallocate_aligned data.punch_holes
	data.ficlone* data.dedupe data.copy_file_range_within data.aio_kinds data.splice_in_and_out
	mmap.executables"
[ -z "${LONG:-}" ] || SOME=""

have=$(cat /sys/kernel/security/lsm 2>/dev/null || true)
note "security modules: $have"
[[ $have == *apparmor* || $have == *landlock* ]] || skip "the kernel has neither AppArmor nor Landlock"

fresh_twice
[[ $have != *apparmor* ]] || apparmor_parser -r -K <<<"$PROFILE"
compare "$PLAIN" "$PLAIN_DEV" "$MNT" "$DEV" 'confined.*'
for module in apparmor landlock; do
	[[ $have == *$module* ]] || continue
	note "confined by $module"
	rm -r "${PLAIN:?}"/*.* "${MNT:?}"/*.*
	# shellcheck disable=SC2086 # patterns, that match no file here
	(cd "$T" && compare -t $((30 * ${SLOW:-1})) -c $module "$PLAIN" "$PLAIN_DEV" "$MNT" "$DEV" $SOME)
done
