#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: fio finds what it wrote, with every engine, block size and order, warm and cold
# LOWERS: xfs ext4
# TIME: 30
# TIMEOUT: 240
. "${0%/*}/lib.sh"

# verify [option...]: all jobs, at the same time
verify() {
	fio --output="$T/out" "$@" "$T/jobs" || {
		cat "$T/out"
		fail "fio $*"
	}
}

fresh
cat >"$T/jobs" <<END
[global]
directory=$MNT
filename_format=\$jobname
size=$(rounds 1m 1m 8m)
verify=crc32c
verify_fatal=1
randseed=$SEED
thread
fallocate=none
invalidate=0

[seq]
size=$(rounds 3m 3m 16m)
ioengine=psync
rw=write
bs=1m

[random]
ioengine=psync
rw=randwrite
bs=4k

[unaligned]
ioengine=psync
rw=randwrite
bsrange=512-16k

[odd]
ioengine=psync
rw=write
bs=3333
size=$(rounds 333300 333300 6666000)

[aio]
ioengine=libaio
iodepth=16
rw=randwrite
bsrange=4k-32k

[uring]
ioengine=io_uring
iodepth=16
rw=randwrite
bsrange=4k-32k

[dsync]
ioengine=io_uring
iodepth=8
rw=randwrite
bs=4k
sync=dsync
size=$(rounds 256k 256k 2m)

[mapped]
ioengine=mmap
rw=randwrite
bs=4k

[direct]
ioengine=libaio
iodepth=8
direct=1
rw=randwrite
bsrange=4k-32k

[splice]
ioengine=splice
rw=write
bs=64k
END
note "written and read back"
verify
note "read from a cold cache"
drop_caches
verify --verify_only
