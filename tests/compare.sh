#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: system calls return and do on wtfs what they do on the plain lower filesystem
# LOWERS: xfs ext4
# KERNELS: 6.1/xfs 6.12/ext4
# PROCESSORS: 2/xfs
# TIME: 90
# TIMEOUT: 300
. "${0%/*}/lib.sh"

fresh_twice
# confined programs have a test of their own
compare -t $((30 * ${SLOW:-1})) "$PLAIN" "$PLAIN_DEV" "$MNT" "$DEV" '!confined.*' 'confined.quota*'
