#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: systemd mounts wtfs by the README's lines, and what fails is seen
# TIMEOUT: 600
#
# One boot of each kernel with systemd as PID 1, in which this runs twice, see scripts/guest-init:
# to prepare it, and to check what came of it.
set -eEu -o pipefail
trap 'echo "FAIL: line $LINENO: $BASH_COMMAND"' ERR

UNITS=/run/systemd/system

fail() {
	trap - ERR
	echo "FAIL: $*"
	exit 1
}

# assert_eq GOT WANTED MESSAGE
assert_eq() {
	[ "$1" = "$2" ] || fail "$3: got '$1', wanted '$2'"
}

# assert_has WORDS WORD MESSAGE
assert_has() {
	case " $1 " in *" $2 "*) ;; *) fail "$3: no $2 in '$1'" ;; esac
}

# readme PATTERN: the first block of code in it with such a line
readme() {
	awk -v pattern="$1" '
		/^    / { block = block substr($0, 5) "\n"; next }
		{ if (block ~ pattern && !done++) printf "%s", block; block = "" }
	' /payload/README.md
}

# ---- on the host -----------------------------------------------------------

# on_host KERNEL
on_host() {
	local payload=$BUILD/payload/systemd

	[ -e "$BUILD/module/$1/wtfs.ko" ] || fail "no module for $1"
	make_payload "$payload" "$1"
	cp -r "$TOP/README.md" "$TOP/systemd" "$0" "$payload"
	"$TOP/scripts/guest-run" --kernel "$1" --smp 1 --systemd --payload "$payload" \
		--results "$BUILD/results/host/systemd-$1" --timeout $((120 * ${SLOW:-2})) \
		-- bash /payload/systemd.sh
}

on_host_each() {
	local kernel kernels

	. "${0%/*}/../../scripts/lab.sh"
	kernels=$(host_test_kernels)
	[ -n "${kernels// /}" ] || { echo "SKIP: the debug kernel has not what systemd needs"; exit 77; }
	for kernel in $kernels; do
		echo "on $kernel"
		on_host "$kernel"
	done
}

# ---- in the guest, before systemd ------------------------------------------

# device NAME FILESYSTEM: on stdout
device() {
	local LOWERFS=$2 dev

	dev=$(null_blk "$1" 400)
	make_fs "$dev"
	echo "$dev"
}

# generated FSTAB: what systemd makes of it, in $T/units; what it says is a failure
generated() {
	local said

	mkdir -p "$T/units"
	said=$(SYSTEMD_LOG_TARGET=console SYSTEMD_FSTAB=$1 \
		/usr/lib/systemd/system-generators/systemd-fstab-generator \
		"$T/units" "$T/units" "$T/units" 2>&1)
	[ -z "$said" ] || fail "systemd's fstab generator says: $said"
}

check_generator() {
	local unit

	readme '/dev/vg0/data' >"$T/fstab"
	generated "$T/fstab"
	assert_eq "$(cd "$T/units" && echo *.mount)" "data.mount lower-data.mount" "the units of README's lines"
	for unit in data lower-data; do
		[ -e "$T/units/local-fs.target.requires/$unit.mount" ] ||
			fail "the boot does not require $unit.mount"
	done
	grep -qx Type=wtfs "$T/units/data.mount" || fail "data.mount is not of wtfs"
	# why two lines are no way to mount it over itself: if this becomes one, tell README
	printf '/data /data wtfs defaults 0 0\n' >>"$T/fstab"
	! (generated "$T/fstab") >/dev/null 2>&1 || fail "systemd accepts two lines for a mount point"
}

write_units() {
	mkdir -p $UNITS/lab.target.wants
	# the guard of README, for the separate path and for the one over itself
	for dir in data over; do
		readme AssertPathIsMountPoint | sed "s,/data,/$dir,g" >$UNITS/guard-$dir.service
		printf 'Type=oneshot\nExecStart=/bin/true\n[Unit]\nDefaultDependencies=no\n' \
			>>$UNITS/guard-$dir.service
	done
	# of all devices, only the disks: each would take a second or more
	mkdir $UNITS/systemd-udev-trigger.service.d
	printf '[Service]\nExecStart=\nExecStart=udevadm trigger --action=add --subsystem-match=block\n' \
		>$UNITS/systemd-udev-trigger.service.d/disks.conf
	# emergency mode without a shell that waits for a password
	printf '[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/touch /run/emergency\n' \
		>$UNITS/emergency.service
	for unit in local-fs.target systemd-udevd.service systemd-udev-trigger.service; do
		ln -s /usr/lib/systemd/system/$unit $UNITS/lab.target.wants/
	done
	mkdir $UNITS/lab.service.d
	printf '[Unit]\nAfter=local-fs.target\n' >$UNITS/lab.service.d/after.conf
}

prepare() {
	local dev

	. /payload/tests/lib.sh
	mkdir "$T"
	check_generator
	rmdir /lower /data
	(eval "$(readme '^install -d -m 0700')") || fail "README's install -d"
	dev=$(device nullb0 xfs)
	readme '/dev/vg0/data' | sed "s,/dev/vg0/data,$dev," >/etc/fstab
	mkdir /over
	dev=$(device nullb1 ext4)
	echo "$dev /over ext4 defaults 0 0" >>/etc/fstab
	# as README says, for /over
	(cd /payload && eval "$(readme 'systemctl enable' | sed 's/@data/@over/')") ||
		fail "README's systemctl enable"
	load_wtfs
	write_units
}

# ---- under systemd ---------------------------------------------------------

# property UNIT NAME
property() {
	systemctl show -P "$2" "$1"
}

# mounted DIR: the types of what is mounted there, the first one first
mounted() {
	{ findmnt -n -o FSTYPE -M "$1" || true; } | paste -sd' '
}

check_boot() {
	assert_eq "$(property local-fs.target ActiveState)" active local-fs.target
	assert_eq "$(mounted /data)" wtfs "what is mounted on /data"
	assert_eq "$(findmnt -n -o TARGET -t wtfs | sort | paste -sd' ')" "/data /over" "findmnt -t wtfs"
	assert_eq "$(stat -f -c %t /data)" 77746673 "f_type of /data"
	echo text >/data/file
	assert_eq "$(cat /lower/data/file)" text "the lower file"
	assert_eq "$(stat -c %a /lower)" 700 "the mode of /lower"
	assert_has "$(property data.mount Requires)" lower-data.mount "what data.mount requires"
	assert_has "$(property data.mount After)" lower-data.mount "what data.mount comes after"
	assert_has "$(property local-fs.target Requires)" data.mount "what the boot requires"
	assert_has "$(property local-fs.target Requires)" wtfs@over.service "what the boot requires"
	assert_has "$(property local-fs.target OnFailure)" emergency.target "what comes of a failure"
}

check_guards() {
	systemctl start guard-data.service || fail "guard-data.service does not start"
	systemctl start guard-over.service || fail "guard-over.service does not start"
	umount /over
	assert_eq "$(mounted /over)" ext4 "what is mounted on /over"
	! systemctl start guard-over.service 2>/dev/null || fail "guard-over.service starts without wtfs"
	systemctl restart wtfs@over.service || fail "wtfs@over.service does not start again"
	systemctl start guard-over.service || fail "guard-over.service does not start again"
}

check_stop() {
	systemctl stop lower-data.mount || fail "lower-data.mount can't be stopped"
	assert_eq "$(property data.mount ActiveState)" inactive "data.mount without its lower"
	systemctl stop over.mount || fail "over.mount can't be stopped"
	assert_eq "$(mounted /over)" "" "what is mounted on /over"
}

# With no module: the mounts fail, and the boot with them
check_failure() {
	rmmod wtfs
	systemctl stop local-fs.target
	! systemctl start guard-data.service 2>/dev/null || fail "guard-data.service starts without wtfs"
	[ ! -e /run/emergency ] || fail "emergency mode too early"
	! systemctl start local-fs.target 2>/dev/null || fail "local-fs.target is reached without wtfs"
	for _ in $(seq 100); do
		[ ! -e /run/emergency ] || return 0
		sleep 0.1
	done
	fail "no emergency mode"
}

check() {
	check_boot
	check_guards
	check_stop
	check_failure
}

case ${1:-} in
prepare)
	export LOWERFS=none SECTOR=512 T=/tmp/test
	prepare
	;;
check) check ;;
*) on_host_each ;;
esac
