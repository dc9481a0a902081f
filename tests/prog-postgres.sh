#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TEST: PostgreSQL makes a cluster, runs pgbench, and its checksums and indexes are right
# LOWERS: xfs ext4
# TIMEOUT: 400
. "${0%/*}/lib.sh"

PGBIN=$(echo /usr/lib/postgresql/*/bin)
DATA=$MNT/pg/data
export PGHOST=$T PGDATABASE=postgres LC_ALL=C

# pg PROGRAM [argument...]: as the user that a server must run as
pg() {
	(cd / && setpriv --reuid postgres --regid postgres --init-groups --reset-env \
		env PGHOST="$PGHOST" PGDATABASE="$PGDATABASE" LC_ALL=C "$PGBIN/$1" "${@:2}")
}

start_server() {
	pg pg_ctl -D "$DATA" -w -t 200 -s -l "$T/log" start || {
		cat "$T/log"
		fail "the server does not start"
	}
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
pg initdb -D "$DATA" --data-checksums -A trust --no-instructions >"$T/initdb"
cat >>"$DATA/postgresql.conf" <<-END
	listen_addresses = ''
	unix_socket_directories = '$T'
	fsync = on
	full_page_writes = on
	shared_buffers = 16MB
	max_wal_size = 64MB
	autovacuum = off
END
start_server
pg pgbench -i -q -s 1 2>"$T/init"
pg pgbench -n -c 2 -j 2 -t 100 >"$T/bench"
grep -q 'number of failed transactions: 0' "$T/bench" || { cat "$T/bench"; fail "transactions failed"; }
IFS='|' read -r accounts branches tellers history <<<"$(totals)"
assert_eq "$branches $tellers $history" "$accounts $accounts $accounts" "the sums of pgbench"
assert_eq "$(pg psql -XAt -c 'SELECT count(*) FROM pgbench_history')" 200 "transactions in the history"
pg psql -Xq -c 'CREATE EXTENSION amcheck'
pg pg_amcheck --heapallindexed postgres

note "killed and started again: recovery from the WAL"
pg pg_ctl -D "$DATA" -s -m immediate stop
drop_caches
start_server
assert_eq "$(totals)" "$accounts|$branches|$tellers|$history" "the sums after recovery"
pg pg_amcheck --heapallindexed postgres
pg pg_ctl -D "$DATA" -s -m fast stop
pg pg_checksums --check -D "$DATA" | grep -q 'Bad checksums: *0' || fail "pg_checksums finds bad ones"
