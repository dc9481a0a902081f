# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Common to the scripts of the laboratory; sourced, never run.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# all that is built; two runs of a script at a time need two of them
BUILD=${WTFS_BUILD:-$TOP/build}
# shellcheck disable=SC2034 # for the scripts that source this
ALL_KERNELS="6.1 6.12 7.3"
# built by debug-kernel-build from the sources of the kernel before the dash
DEBUG_KERNEL=7.3-debug
LAB_START=${LAB_START:-$EPOCHSECONDS}
export LAB_START

# say TEXT: a line of progress, with the seconds since the first script began
say() {
	printf '[%4d s] %s\n' $((EPOCHSECONDS - LAB_START)) "$*"
}

# pause SECONDS: sleep, without a process that could outlive us
pause() {
	read -rt "$1" <> <(:) || true
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# kill_tree PID: all its descendants, and PID itself unless that's us
kill_tree() {
	local child

	# shellcheck disable=SC2013 # words
	for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do
		kill_tree "$child"
	done
	[ "$1" = $$ ] || kill "$1" 2>/dev/null || true
}

# need_root WHAT: everything here mounts or makes device nodes
need_root() {
	[ "$(id -u)" = 0 ] || die "$1 needs root (for chroot and mounts): run it with sudo, or in a throw-away machine"
}

# cache_dir: where the guest is kept, outside the clone and shared by all clones
cache_dir() {
	local dir=${WTFS_CACHE:-/var/cache/wtfs}

	if ! mkdir -p "$dir" 2>/dev/null || [ ! -w "$dir" ]; then
		[ -z "${WTFS_CACHE:-}" ] || die "WTFS_CACHE=$dir is not writable"
		dir=$HOME/.cache/wtfs
		mkdir -p "$dir" || die "no place for the cache: set WTFS_CACHE"
	fi
	printf '%s\n' "$dir"
}

# guest_key: changes when what goes into the guest changes, and never otherwise
guest_key() {
	grep -v '^[[:space:]]*#' "$TOP/scripts/guest-build" | sha256sum | cut -c1-12
}

# guest_dir: the guest that these sources ask for, built or not
guest_dir() {
	printf '%s/guest-%s\n' "$(cache_dir)" "$(guest_key)"
}

# kernel_release LABEL: 7.3 -> 7.3.4+deb13-amd64
kernel_release() {
	local release

	release=$(awk -v k="$1" '$1 == k { print $2 }' "$(guest_dir)/kernels" 2>/dev/null)
	[ -n "$release" ] || die "no kernel '$1' in the guest (have: $ALL_KERNELS; 'make guest' builds it)"
	printf '%s\n' "$release"
}

# debug_requested: the options that the debug kernel's configuration asks for; with
# DEBUG_WHOLE those that only the tests outside the debug slice need, too
debug_requested() {
	cat "$TOP/scripts/debug.config" ${DEBUG_WHOLE:+"$TOP/scripts/debug-whole.config"} |
		grep -E '^(# )?CONFIG_'
}

# guest_package NAME: its version in the guest
guest_package() {
	# shellcheck disable=SC2016 # dpkg's own variable
	dpkg-query --admindir="$(guest_dir)/root/var/lib/dpkg" -W -f '${Version}\n' "$1"
}

# debug_source_version: the guest's kernel and its source have the same one
debug_source_version() {
	guest_package "linux-image-$(kernel_release "${DEBUG_KERNEL%-debug}")"
}

# debug_dir: the debug kernel that these sources ask for, built or not
debug_dir() {
	local key base=${DEBUG_KERNEL%-debug}

	key=$({
		debug_source_version
		guest_package gcc
		debug_requested
		sed -n '/^unpack()/,/^}/p; /^configure()/,/^}/p; /^compile()/,/^}/p' \
			"$TOP/scripts/debug-kernel-build" | grep -v '^[[:space:]]*#'
	} | sha256sum | cut -c1-12)
	printf '%s/debug%s-%s-%s\n' "$(cache_dir)" "${DEBUG_WHOLE:+-whole}" "$base" "$key"
}

# boot_dir LABEL: where its vmlinuz and initramfs are
boot_dir() {
	local name=$1

	[ "$1" != "$DEBUG_KERNEL" ] || name=$(basename "$(debug_dir)")
	printf '%s/boot/%s\n' "$(guest_dir)" "$name"
}

# check_kernels LABEL...: refuse a misspelt one before any work is done
check_kernels() {
	local k

	for k; do
		case " $ALL_KERNELS $DEBUG_KERNEL " in
		*" $k "*) ;;
		*) die "unknown kernel '$k' (have: $ALL_KERNELS $DEBUG_KERNEL)" ;;
		esac
	done
}

# host_test_kernels: on which kernels a host test that boots a guest runs: those asked for,
# but not the debug kernel, which has neither systemd's needs nor security modules
host_test_kernels() {
	local kernels=${KERNEL:-${ALL_KERNELS##* }}

	[ -z "${FULL:-}" ] || [ -n "${KERNEL:-}" ] || kernels=$ALL_KERNELS
	kernels=" $kernels "
	echo "${kernels/ $DEBUG_KERNEL / }"
}

# have_kvm: the device can exist and still run nothing, so ask the CPU too
have_kvm() {
	grep -qwE 'vmx|svm' /proc/cpuinfo && [ -w /dev/kvm ]
}

# in_guest DIR COMMAND...: run it in the guest's tree, with DIR as /build, and
# $HEADERS, if there are such from outside, as /mnt. The mounts live in a
# namespace of their own, and so always go away.
in_guest() {
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount --propagation private sh -c '
		root=$1 dir=$2 headers=$3
		shift 3
		mount --bind "$root" "$root" && mount -o remount,bind,ro "$root" &&
		mount -t proc proc "$root/proc" && mount -t tmpfs tmp "$root/tmp" &&
		mount --bind "$dir" "$root/build" &&
		{ [ -z "$headers" ] || mount --bind "$headers" "$root/mnt"; } &&
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root \
			chroot "$root" "$@"' in_guest "$(guest_dir)/root" "$1" "${HEADERS:-}" "${@:2}"
}

# make_payload DIR LABEL: what the guest gets: module, driver, helpers, tests, scripts
make_payload() {
	local dir=$1

	rm -rf "$dir"
	mkdir -p "$dir/bin" "$dir/tests"
	[ ! -e "$BUILD/module/$2/wtfs.ko" ] || cp "$BUILD/module/$2/wtfs.ko" "$dir/"
	[ ! -e "$BUILD/driver/$2/tests/driver/blkcheck.ko" ] ||
		cp "$BUILD/driver/$2/tests/driver/blkcheck.ko" "$dir/"
	find "$BUILD/helpers" -maxdepth 1 -type f -perm -u+x -exec cp -t "$dir/bin" {} +
	tar -C "$TOP/tests" --exclude=./helpers --exclude=./driver --exclude=./host -cf - . | tar -C "$dir/tests" -xf -
	cp -r "$TOP/scripts" "$dir/scripts"
}

# package_version: the one place that says it
package_version() {
	sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$TOP/dkms.conf"
}

# overlay_guest: the guest's tree at $root, with an overlay in memory over it, which goes
# away with the mount namespace that the caller is in. False without overlayfs.
overlay_guest() {
	local work=$BUILD/overlay

	root=$work/root
	mkdir -p "$work"
	mount -t tmpfs overlay "$work" || die "no tmpfs on $work"
	mkdir -p "$work"/{root,upper,work}
	mount -t overlay overlay "$root" \
		-o "lowerdir=$(guest_dir)/root,upperdir=$work/upper,workdir=$work/work" || return 1
	mount -t proc proc "$root/proc" || die "no proc in $root"
}

# in_overlay COMMAND...: run it there
in_overlay() {
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root \
		DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
}
