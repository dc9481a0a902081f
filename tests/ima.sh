#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: IMA keeps the hashes of files on wtfs up to date, whoever writes to them
# LOWERS: xfs ext4
# NEEDS: a kernel that is booted with ima_appraise=fix: tests/host/security.sh does that
. "${0%/*}/lib.sh"

POLICY=/sys/kernel/security/ima/policy
RULE="appraise func=FILE_CHECK fowner=7051"

[[ $(</proc/cmdline) == *ima_appraise=fix* ]] || skip "IMA would refuse, rather than write"
# once for each boot
[ ! -w $POLICY ] || echo "$RULE" >$POLICY || skip "IMA takes no policy"
fresh_twice
compare "$PLAIN" "$PLAIN_DEV" "$MNT" "$DEV" 'confined.ima*' | tee "$T/said"
not_ok grep -q 'not compared' "$T/said"
