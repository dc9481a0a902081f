#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: sqlite3 keeps its databases whole, with a rollback journal and with a WAL
# LOWERS: xfs ext4
. "${0%/*}/lib.sh"

# work MODE: fill, change, delete and check a database in that journal mode
work() {
	local db=$MNT/$1.db sum

	sqlite3 "$db" <<-END >/dev/null
		PRAGMA journal_mode = $1;
		PRAGMA synchronous = FULL;
		CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER, b TEXT);
		CREATE INDEX i ON t(a);
	END
	# transactions of their own, then some large ones
	for ((n = 1; n <= inserts; n++)); do
		echo "INSERT INTO t(a, b) VALUES($n, hex(randomblob($n * 10)));"
	done | sqlite3 "$db"
	sqlite3 "$db" <<-END
		BEGIN;
		WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < $rows)
			INSERT INTO t(a, b) SELECT x % 100, printf('%0200d', x) FROM c;
		COMMIT;
		UPDATE t SET b = b || 'x' WHERE a % 3 = 0;
		DELETE FROM t WHERE a % 5 = 0;
		BEGIN;
		UPDATE t SET b = '';
		ROLLBACK;
	END
	sum="SELECT count(*), sum(length(b)), sum(a) FROM t;"
	assert_eq "$(sqlite3 "$db" 'PRAGMA integrity_check;')" ok "integrity_check"
	sqlite3 "$db" "$sum" >"$T/before"
	drop_caches
	assert_eq "$(sqlite3 "$db" "$sum")" "$(cat "$T/before")" "the table from a cold cache"
	sqlite3 "$db" VACUUM
	assert_eq "$(sqlite3 "$db" 'PRAGMA integrity_check;')" ok "integrity_check after VACUUM"
	assert_eq "$(sqlite3 "$db" "$sum")" "$(cat "$T/before")" "the table after VACUUM"
}

inserts=$(rounds 12 12 40) rows=$(rounds 800 800 3000)
fresh
work DELETE
work TRUNCATE
work WAL
note "with mapped reads"
assert_eq "$(sqlite3 "$MNT/WAL.db" 'PRAGMA mmap_size = 100000000;' 'PRAGMA integrity_check;')" \
	$'100000000\nok' "integrity_check with mmap"
umount_wtfs
for mode in DELETE TRUNCATE WAL; do
	assert_eq "$(sqlite3 "$LOWER/$mode.db" 'PRAGMA integrity_check;')" ok "integrity_check below"
done
