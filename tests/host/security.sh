#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: SELinux and IMA with wtfs, in a guest that is booted for them
# TIMEOUT: 1800
#
# Beside AppArmor there can be no SELinux, and IMA says at boot whether it writes
# hashes down. KERNEL says which kernels, if not the newest.
set -eu -o pipefail
TOP=$(cd "${0%/*}/../.." && pwd)
. "$TOP/scripts/lab.sh"

WORDS="lsm=landlock,lockdown,yama,integrity,selinux,bpf enforcing=0 ima_appraise=fix"
CASES="selinux ${LOWERS:-xfs} 512
ima ${LOWERS:-ext4} 512"

# run KERNEL: its output; fails where a case does
run() {
	local payload=$BUILD/payload/security-$1 slow=1 log=$BUILD/results/host/security-$1

	have_kvm || slow=2
	mkdir -p "$log"
	make_payload "$payload" "$1"
	echo "$CASES" >"$payload/cases"
	"$TOP/scripts/guest-run" --kernel "$1" --smp 1 --payload "$payload" --append "$WORDS" \
		--results "$log" --console "$log/console.log" --timeout 800 --quiet 600 \
		-- env KERNEL="$1" SEED=1 SLOW=$slow QUICK=1 LONG="${LONG:-}" V="${V:-}" \
		/payload/tests/runner /payload/cases | tee "$log/out"
	! grep -q '^FAIL' "$log/out" || return 1
	[ "$(grep -c '^ok ' "$log/out")" = 2 ]
}

for kernel in ${KERNEL:-${ALL_KERNELS##* }}; do
	[ "$kernel" != "$DEBUG_KERNEL" ] || { echo "SKIP: the debug kernel has no security modules"; exit 77; }
	run "$kernel" || { echo "FAIL: on $kernel: $(sed -n 's/^FAIL [^:]*: //p' "$BUILD/results/host/security-$kernel/out" | sed -n 1p)"; exit 1; }
done
