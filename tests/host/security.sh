#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: SELinux and IMA with wtfs, in a guest that is booted for them
# TIMEOUT: 1800
#
# Beside AppArmor there can be no SELinux, and IMA says at boot whether it writes
# hashes down.
set -eu -o pipefail
TOP=$(cd "${0%/*}/../.." && pwd)
. "$TOP/scripts/lab.sh"

WORDS="lsm=landlock,lockdown,yama,integrity,selinux,bpf enforcing=0 ima_appraise=fix"

# cases: each test over the lowers asked for
cases() {
	local lower

	for lower in ${LOWERS:-xfs}; do
		echo "selinux $lower 512"
	done
	for lower in ${LOWERS:-ext4}; do
		echo "ima $lower 512"
	done
}

# run KERNEL: its output; fails where a case does
run() {
	local payload=$BUILD/payload/security-$1 log=$BUILD/results/host/security-$1

	mkdir -p "$log"
	make_payload "$payload" "$1"
	cases >"$payload/cases"
	"$TOP/scripts/guest-run" --kernel "$1" --smp 1 --payload "$payload" --append "$WORDS" \
		--results "$log" --console "$log/console.log" \
		--timeout $((400 * SLOW)) --quiet $((300 * SLOW)) \
		-- env KERNEL="$1" SEED=1 SLOW="$SLOW" QUICK=1 LONG="${LONG:-}" V="${V:-}" \
		/payload/tests/runner /payload/cases | tee "$log/out"
	! grep -q '^FAIL' "$log/out" || return 1
	[ "$(grep -c '^ok ' "$log/out")" = "$(wc -l <"$payload/cases")" ]
}

SLOW=${SLOW:-2}
kernels=$(host_test_kernels)
[ -n "${kernels// /}" ] || { echo "SKIP: the debug kernel has no security modules"; exit 77; }
for kernel in $kernels; do
	run "$kernel" || { echo "FAIL: on $kernel: $(sed -n 's/^FAIL [^:]*: //p' "$BUILD/results/host/security-$kernel/out" | sed -n 1p)"; exit 1; }
done
