# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Common to the scripts of the laboratory; sourced, never run.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# all that is built; two runs of a script at a time need two of them
BUILD=${WTFS_BUILD:-$TOP/build}
# shellcheck disable=SC2034 # for the scripts that source this
ALL_KERNELS="6.1 6.12 7.3"
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

# check_kernels LABEL...: refuse a misspelt one before any work is done
check_kernels() {
	local k

	for k; do
		case " $ALL_KERNELS " in
		*" $k "*) ;;
		*) die "unknown kernel '$k' (have: $ALL_KERNELS)" ;;
		esac
	done
}

# have_kvm: the device can exist and still run nothing, so ask the CPU too
have_kvm() {
	grep -qwE 'vmx|svm' /proc/cpuinfo && [ -w /dev/kvm ]
}

# make_payload DIR LABEL: what the guest gets: module, helpers, tests, scripts
make_payload() {
	local dir=$1

	rm -rf "$dir"
	mkdir -p "$dir/bin" "$dir/tests"
	[ ! -e "$BUILD/module/$2/wtfs.ko" ] || cp "$BUILD/module/$2/wtfs.ko" "$dir/"
	find "$BUILD/helpers" -maxdepth 1 -type f -perm -u+x -exec cp -t "$dir/bin" {} +
	tar -C "$TOP/tests" --exclude=./helpers --exclude=./host -cf - . | tar -C "$dir/tests" -xf -
	cp -r "$TOP/scripts" "$dir/scripts"
}
