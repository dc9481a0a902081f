# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What tests share; sourced as their first step. A test ends at the first
# command that fails. It need not clean up: the runner does.
#
# Given by the runner: LOWERFS (xfs, ext4 or none), SECTOR, KERNEL, SEED,
# BIN (compiled helpers, also in PATH), T (scratch directory in memory), LONG
# (set where time does not matter).
# The kernel's log (dmesg) begins with the test.

set -eEu -o pipefail
# to stderr, for it can happen inside $(...)
trap 'echo "FAIL: line $LINENO: $BASH_COMMAND" >&2' ERR

LOWER=/lower
MNT=/wtfs
DEV=${DEV:-}
NULLB=/sys/kernel/config/nullb

# ---- how it ends -----------------------------------------------------------

fail() {
	trap - ERR
	echo "FAIL: $*" >&2
	exit 1
}

skip() {
	trap - ERR
	echo "SKIP: $*" >&2
	exit 77
}

# note TEXT: into the test's output, and the kernel's log for the order of things
note() {
	echo "$*"
	echo "<6>test: $*" >/dev/kmsg
}

# ok COMMAND...: it has to succeed
ok() {
	"$@" || fail "expected success: $*"
}

# not_ok COMMAND...: it has to fail
not_ok() {
	if "$@"; then fail "expected failure: $*"; fi
}

# assert_eq GOT WANTED MESSAGE
assert_eq() {
	[ "$1" = "$2" ] || fail "$3: got '$1', wanted '$2'"
}

assert_ne() {
	[ "$1" != "$2" ] || fail "$3: got '$1', which it must not be"
}

# assert_ge, assert_le, assert_lt, assert_gt NUMBER NUMBER MESSAGE
assert_ge() {
	[ "$1" -ge "$2" ] || fail "$3: got $1, wanted at least $2"
}

assert_le() {
	[ "$1" -le "$2" ] || fail "$3: got $1, wanted at most $2"
}

assert_gt() {
	[ "$1" -gt "$2" ] || fail "$3: got $1, wanted more than $2"
}

assert_lt() {
	[ "$1" -lt "$2" ] || fail "$3: got $1, wanted less than $2"
}

# assert_same FILE FILE MESSAGE
assert_same() {
	cmp "$1" "$2" || fail "$3: $1 and $2 differ"
}

# rounds USUAL FEW [MANY]: how often to do it, or how much; FEW in a plain `make
# check`, USUAL in that of FULL=1 or of a kernel or a test by name, MANY in `make soak`
rounds() {
	if [ -n "${LONG:-}" ]; then
		echo "${3:-$1}"
	elif [ -n "${QUICK:-}" ]; then
		echo "$2"
	else
		echo "$1"
	fi
}

# wait_until SECONDS COMMAND...: try until it succeeds; longer where all is slow
wait_until() {
	local end=$((SECONDS + $1 * ${SLOW:-1}))

	shift
	# not with sleep: to start a process takes longer
	[ -n "${never:-}" ] || exec {never}<> <(:)
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		read -rt 0.05 -u "$never" || true
	done
}

# ---- block devices ---------------------------------------------------------

# null_blk NAME MIB [attribute=value]...: a device in memory; its path on stdout
null_blk() {
	local dir=$NULLB/$1 size=$2 set

	[ -d $NULLB ] || modprobe null_blk nr_devices=0
	mkdir "$dir"
	echo "$size" >"$dir/size"
	echo 1 >"$dir/memory_backed"
	echo "$SECTOR" >"$dir/blocksize"
	shift 2
	for set; do
		echo "${set#*=}" >"$dir/${set%%=*}"
	done
	echo 1 >"$dir/power"
	# newer kernels name the disk like the directory
	if [ -b "/dev/${dir##*/}" ]; then
		echo "/dev/${dir##*/}"
	else
		echo "/dev/nullb$(<"$dir/index")"
	fi
}

null_blk_remove() {
	[ -d "$NULLB/$1" ] || return 0
	echo 0 >"$NULLB/$1/power"
	rmdir "$NULLB/$1"
}

# blkcheck [parameter=value]...: the device that checks whether writes change in
# flight, /dev/blkcheck; see tests/driver
blkcheck() {
	insmod /payload/blkcheck.ko block="$SECTOR" "$@"
}

# blkcheck_set PARAMETER VALUE
blkcheck_set() {
	echo "$2" >"/sys/module/blkcheck/parameters/$1"
}

# blkcheck_get checked|changed through|ordinary|lower|other
blkcheck_get() {
	local through ordinary lower other

	# shellcheck disable=SC2034 # by name
	IFS=, read -r through ordinary lower other <"/sys/module/blkcheck/parameters/$1"
	echo "${!2}"
}

# dev_stat FIELD: of /sys/block/DEV/stat, from 1
dev_stat() {
	awk -v f="$1" '{ print $f }' "/sys/block/$(basename "$(readlink -f "$DEV")")/stat"
}

# Requests completed by $DEV so far
dev_reads() { dev_stat 1; }
dev_writes() { dev_stat 5; }
dev_flushes() { dev_stat 16; }

# Sectors of 512 bytes
dev_read_sectors() { dev_stat 3; }
dev_write_sectors() { dev_stat 7; }

# ---- filesystems -----------------------------------------------------------

# make_fs DEVICE [mkfs option...]: LOWERFS on the device
make_fs() {
	local dev=$1

	shift
	case $LOWERFS in
	xfs) mkfs.xfs -q -f -K "$@" "$dev" ;;
	ext4) mkfs.ext4 -q -F -E nodiscard,lazy_itable_init=0,lazy_journal_init=0 "$@" "$dev" ;;
	*) mkfs -t "$LOWERFS" "$@" "$dev" ;;
	esac
}

mount_lower() {
	[ -d "$LOWER" ] || mkdir -p "$LOWER"
	mount -t "$LOWERFS" ${1:+-o "$1"} "$DEV" "$LOWER"
}

# load_wtfs [parameter=value...]: insert the module, unless it's there
# shellcheck disable=SC2120 # tests pass parameters
load_wtfs() {
	[ -d /sys/module/wtfs ] || insmod /payload/wtfs.ko "$@"
}

unload_wtfs() {
	[ ! -d /sys/module/wtfs ] || rmmod wtfs
}

# mount_wtfs [options]
mount_wtfs() {
	[ -d "$MNT" ] || mkdir -p "$MNT"
	mount -t wtfs ${1:+-o "$1"} "$LOWER" "$MNT"
}

umount_wtfs() {
	umount "$MNT"
}

# is_mounted DIR: a mount point; without starting a process
is_mounted() {
	[[ $(</proc/self/mounts) == *" $1 "* ]]
}

# shown_options: of wtfs on MNT in /proc/mounts, those of every filesystem left out
shown_options() {
	awk -v m="$MNT" '$2 == m && $3 == "wtfs" { o = $4 } END { print o }' /proc/mounts |
		tr , '\n' | sed -E '/^(rw|ro|relatime)$/d' | paste -sd,
}

# shown_source [MOUNTPOINT]: of wtfs, in /proc/mounts
# shellcheck disable=SC2120 # some tests give no argument
shown_source() {
	awk -v m="${1:-$MNT}" '$2 == m && $3 == "wtfs" { o = $1 } END { print o }' /proc/mounts
}

# mount_refused WORDS mount-argument...: it fails, and the message matches WORDS
mount_refused() {
	local words=$1 text status=0

	shift
	text=$(mount -t wtfs "$@" 2>&1) || status=$?
	[ $status != 0 ] || fail "not refused: mount -t wtfs $*"
	note "mount -t wtfs $*: $text"
	grep -qiE "$words" <<<"$text" || fail "mount -t wtfs $*: nothing about '$words' in: $text"
}

# teardown: undo `fresh`
teardown() {
	if is_mounted "$MNT"; then umount "$MNT"; fi
	if is_mounted "$LOWER"; then umount "$LOWER"; fi
	if [ -b /dev/mapper/wtfs ]; then
		dmsetup remove wtfs disk
		# their nodes go, too
		dmsetup mknodes
	fi
	null_blk_remove nullb0
	[ ! -d /sys/module/blkcheck ] || rmmod blkcheck
	DEV=""
}

# fresh [--mkfs "opts"] [--mount "lower opts"] [--wtfs "wtfs opts"]
#       [--size 600M] [--blk "attr=value..."] [--check "param=value..."] [--no-wtfs]:
# an empty device in memory, LOWERFS on it at $LOWER, wtfs over it at $MNT. With
# --check it is blkcheck
fresh() {
	local mkfs="" opts="" wtfs="" size=600M blk="" check="" over=1

	while [ $# -gt 0 ]; do
		case $1 in
		--no-wtfs) over="" ;;
		--mkfs) mkfs=$2 ;;
		--mount) opts=$2 ;;
		--wtfs) wtfs=$2 ;;
		--size) size=$2 ;;
		--blk) blk=$2 ;;
		--check) check=$2 ;;
		*) fail "fresh: unknown option $1" ;;
		esac
		case $1 in --no-wtfs) shift ;; *) shift 2 ;; esac
	done
	teardown
	# shellcheck disable=SC2086 # lists
	if [ -n "$check" ]; then
		blkcheck size_mib="$(mebibytes "$size")" $check
		DEV=/dev/blkcheck
	else
		DEV=$(null_blk nullb0 "$(mebibytes "$size")" $blk)
	fi
	# shellcheck disable=SC2086
	make_fs "$DEV" $mkfs
	mount_lower "$opts"
	if [ -n "$over" ]; then
		# shellcheck disable=SC2119
		load_wtfs
		mount_wtfs "$wtfs"
	fi
}

# dm_fresh: as fresh, with a dm device "disk" in between that dm_switch can change,
# and one "wtfs" over that, which counts what is in flight: dm-delay's own does not.
# DISK is what is below both.
dm_fresh() {
	modprobe dm_mod
	teardown
	DISK=$(null_blk nullb0 600)
	DISK_SECTORS=$(blockdev --getsz "$DISK")
	dmsetup create disk --table "0 $DISK_SECTORS linear $DISK 0"
	dmsetup create wtfs --table "0 $DISK_SECTORS linear $(dm_path disk) 0"
	dmsetup mknodes
	DEV=/dev/mapper/wtfs
	IN_FLIGHT=/sys/block/$(basename "$(dm_path wtfs)")/inflight
	# whoever waits for a slow device must be let go, or nothing can be unmounted
	trap dm_switch EXIT
	make_fs "$DEV"
	mount_lower
	# shellcheck disable=SC2119
	load_wtfs
	mount_wtfs
}

# dm_path NAME: its device
dm_path() {
	echo "/dev/dm-$(dmsetup info -c --noheadings -o minor "$1")"
}

# dm_switch [BYTE LENGTH TARGET]...: from now on those parts of the device, in the
# order of their places, are other targets, in whose arguments @ stands for the disk
# and the sector
dm_switch() {
	local first count after=0

	{
		while [ $# -gt 0 ]; do
			first=$(($1 / 512)) count=$(($2 / 512))
			[ $first = $after ] || echo "$after $((first - after)) linear $DISK $after"
			echo "$first $count ${3//@/$DISK $first}"
			after=$((first + count))
			shift 3
		done
		[ $after = "$DISK_SECTORS" ] || echo "$after $((DISK_SECTORS - after)) linear $DISK $after"
	} | dmsetup load disk
	# with what is under way let through to the old target
	dmsetup suspend --nolockfs disk
	dmsetup resume disk
}

# dm_slow [BYTE LENGTH]: writes there, or all, take a minute, or until the next
# dm_switch; reads are as quick as ever
dm_slow() {
	modprobe dm_delay
	dm_switch "${1:-0}" "${2:-$((DISK_SECTORS * 512))}" "delay @ 0 @ 60000"
}

# dm_writes: how many the device has in flight
dm_writes() {
	local writes

	read -r _ writes <"$IN_FLIGHT"
	echo "$writes"
}

# dm_busy [NUMBER]: has it that many, or any?
dm_busy() {
	[ "$(dm_writes)" -ge "${1:-1}" ]
}

# fresh_twice [SIZE [MKFS OPTIONS]]: the same filesystem twice, with quotas: plain at
# $PLAIN, on $PLAIN_DEV; and at $LOWER, with wtfs over it at $MNT
fresh_twice() {
	local mkfs="" opts

	case $LOWERFS in
	# no blocks beforehand, which show in where the holes are
	xfs) opts=uquota,gquota,pquota,allocsize=4k ;;
	ext4)
		mkfs="-O quota,project -E quotatype=usrquota:grpquota:prjquota"
		opts=usrquota,grpquota,prjquota
		;;
	esac
	mkfs+=" ${2:-}"
	fresh --size "${1:-600M}" --mkfs "$mkfs" --mount "$opts"
	PLAIN=$T/plain
	PLAIN_DEV=$(null_blk plain "$(mebibytes "${1:-600M}")")
	# shellcheck disable=SC2086 # a list
	make_fs "$PLAIN_DEV" $mkfs
	mkdir "$PLAIN"
	mount -t "$LOWERFS" -o "$opts" "$PLAIN_DEV" "$PLAIN"
}

# mebibytes SIZE: 600M or 2G as a number
mebibytes() {
	case $1 in
	*G) echo $((${1%G} * 1024)) ;;
	*M) echo "${1%M}" ;;
	*) fail "a size is like 600M or 2G, not $1" ;;
	esac
}

# lower_cached_pages FILE: pages of it in the page cache; FILE is any path
lower_cached_pages() {
	fincore -n -o PAGES "$1" | tr -d ' '
}

drop_caches() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
}
