#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: git commits, clones, checks out, repacks, and finds nothing wrong
# LOWERS: xfs ext4
# TIME: 30
# TIMEOUT: 240
. "${0%/*}/lib.sh"

export HOME=$T GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat
git config --global user.name test
git config --global user.email test@localhost
git config --global init.defaultBranch main
git config --global gc.autoDetach false

fresh
mkdir "$MNT/origin"
cd "$MNT/origin"
git init -q
dirs=$(rounds 3 3 8) files=$(rounds 8 8 16)
for ((dir = 1; dir <= dirs; dir++)); do
	mkdir "dir$dir"
	for ((n = 1; n <= files; n++)); do
		printf 'file %s of %s\n%s\n' "$n" "$dir" "$(seq "$n" $((n * 7)))" >"dir$dir/file$n"
	done
done
head -c "$(rounds 200001 200001 1000001)" /dev/urandom >blob
git add .
git commit -q -m first
for n in 1 2; do
	sed -i "s/^$n/changed $n/" dir"$n"/*
	git mv "dir$n/file$files" "dir$n/moved"
	git commit -q -a -m "change $n"
done
git branch side HEAD~1
assert_eq "$(git status --porcelain)" "" "git status"

git clone -q --no-hardlinks "file://$MNT/origin" "$MNT/clone"
cd "$MNT/clone"
git checkout -q origin/side
git checkout -q main
git gc -q --prune=now
assert_eq "$(git status --porcelain)" "" "git status of the clone"

drop_caches
git fsck --full --strict
assert_eq "$(git rev-parse 'HEAD^{tree}')" "$(git -C "$MNT/origin" rev-parse 'HEAD^{tree}')" "the trees"
diff -r -x .git "$MNT/origin" "$MNT/clone" || fail "the working trees differ"
