#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: PostgreSQL makes a cluster, runs pgbench, and its checksums and indexes are right
# LOWERS: xfs ext4
# TIME: 55
# TIMEOUT: 400
. "${0%/*}/lib.sh"

PGBIN=$(echo /usr/lib/postgresql/*/bin)
DATA=$MNT/pg/data
export PGHOST=$T PGDATABASE=postgres LC_ALL=C

# pg PROGRAM [argument...]: as the user that a server must run as
pg() {
	# without TZ initdb reads the whole time zone database to guess it
	(cd / && setpriv --reuid postgres --regid postgres --init-groups --reset-env \
		env TZ=UTC PGHOST="$PGHOST" PGDATABASE="$PGDATABASE" LC_ALL=C "$PGBIN/$1" "${@:2}")
}

start_server() {
	pg pg_ctl -D "$DATA" -w -t 200 -s -l "$T/log" start || {
		cat "$T/log"
		fail "the server does not start"
	}
}

# make_tables: pgbench's own, which have 100000 accounts, or the same with fewer
make_tables() {
	if [ -n "${LONG:-}" ]; then
		pg pgbench -i -q -s 1
		echo "\\set accounts 100000" >"$T/transaction"
	else
		pg pgbench -i -I dt
		pg psql -Xq -v ON_ERROR_STOP=1 <<-END
			INSERT INTO pgbench_branches SELECT 1, 0;
			INSERT INTO pgbench_tellers SELECT n, 1, 0 FROM generate_series(1, 10) n;
			INSERT INTO pgbench_accounts SELECT n, 1, 0 FROM generate_series(1, 3000) n;
		END
		pg pgbench -i -I vp
		echo "\\set accounts 3000" >"$T/transaction"
	fi
	# what pgbench does of its own accord
	cat >>"$T/transaction" <<-'END'
		\set aid random(1, :accounts)
		\set tid random(1, 10)
		\set delta random(-5000, 5000)
		BEGIN;
		UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
		SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
		UPDATE pgbench_tellers SET tbalance = tbalance + :delta WHERE tid = :tid;
		UPDATE pgbench_branches SET bbalance = bbalance + :delta WHERE bid = 1;
		INSERT INTO pgbench_history (tid, bid, aid, delta, mtime)
			VALUES (:tid, 1, :aid, :delta, CURRENT_TIMESTAMP);
		COMMIT;
	END
}

# totals: pgbench moves money around; no sum of it may change or differ
totals() {
	pg psql -XAt -c "SELECT (SELECT sum(abalance) FROM pgbench_accounts),
		(SELECT sum(bbalance) FROM pgbench_branches),
		(SELECT sum(tbalance) FROM pgbench_tellers),
		(SELECT coalesce(sum(delta), 0) FROM pgbench_history)"
}

fresh --size 800M
chmod 777 "$T"
mkdir "$MNT/pg"
chown postgres:postgres "$MNT/pg"
chmod 700 "$MNT/pg"
# shellcheck disable=SC2046 # an option, or none
pg initdb -D "$DATA" --data-checksums -A trust --no-instructions --wal-segsize=1 \
	$(rounds --no-sync --no-sync "") >"$T/initdb"
cat >>"$DATA/postgresql.conf" <<-END
	listen_addresses = ''
	unix_socket_directories = '$T'
	fsync = on
	full_page_writes = on
	shared_buffers = 16MB
	max_wal_size = 8MB
	min_wal_size = 2MB
	autovacuum = off
END
start_server
make_tables >"$T/init" 2>&1
count=$(rounds 40 40 500)
pg pgbench -n -c 2 -j 2 -t "$count" -f "$T/transaction" >"$T/bench"
grep -q 'number of failed transactions: 0' "$T/bench" || { cat "$T/bench"; fail "transactions failed"; }
IFS='|' read -r accounts branches tellers history <<<"$(totals)"
assert_ne "$history" 0 "money moved"
assert_eq "$branches $tellers $history" "$accounts $accounts $accounts" "the sums of pgbench"
assert_eq "$(pg psql -XAt -c 'SELECT count(*) FROM pgbench_history')" $((2 * count)) "transactions in the history"
check=(pg_amcheck --heapallindexed postgres)
[ -n "${LONG:-}" ] || check+=(-t 'pgbench_*')
pg psql -Xq -c 'CREATE EXTENSION amcheck'
pg "${check[@]}"

note "killed and started again: recovery from the WAL"
pg pg_ctl -D "$DATA" -s -m immediate stop
drop_caches
start_server
assert_eq "$(totals)" "$accounts|$branches|$tellers|$history" "the sums after recovery"
pg "${check[@]}"
pg pg_ctl -D "$DATA" -s -m fast stop
pg pg_checksums --check -D "$DATA" | grep -q 'Bad checksums: *0' || fail "pg_checksums finds bad ones"
