#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: fio finds what it wrote, with every engine, block size and order
# LOWERS: xfs ext4
# TIMEOUT: 240
. "${0%/*}/lib.sh"

# verify NAME option...: write, and then read and compare, then the same cold
verify() {
	local name=$1

	shift
	note "$name: $*"
	set -- --name="$name" --filename="$MNT/$name" --verify=crc32c --verify_fatal=1 \
		--randseed="$SEED" --size=3m --thread --fallocate=none --invalidate=0 "$@"
	fio --output="$T/out" "$@" || {
		cat "$T/out"
		fail "fio: $name"
	}
	drop_caches
	fio --output="$T/out" "$@" --verify_only || {
		cat "$T/out"
		fail "fio, from a cold cache: $name"
	}
}

fresh
verify seq --ioengine=psync --rw=write --bs=1m
verify random --ioengine=psync --rw=randwrite --bs=4k
verify unaligned --ioengine=psync --rw=randwrite --bsrange=512-64k
verify odd --ioengine=psync --rw=write --bs=3333 --size=3333000
verify aio --ioengine=libaio --iodepth=16 --rw=randwrite --bsrange=4k-32k
verify uring --ioengine=io_uring --iodepth=16 --rw=randwrite --bsrange=4k-32k
verify dsync --ioengine=io_uring --iodepth=8 --rw=randwrite --bs=4k --sync=dsync --size=1m
verify mapped --ioengine=mmap --rw=randwrite --bs=4k
verify direct --ioengine=libaio --iodepth=8 --direct=1 --rw=randwrite --bsrange=4k-32k
verify splice --ioengine=splice --rw=write --bs=64k
