#!/bin/bash
# SPDX-License-Identifier: MIT
# PostgreSQL under pgbench: the server process, its writers, and a process for each client.
. "$(dirname "$0")/harness.sh"

programs=$(echo /usr/lib/postgresql/*/bin | awk '{ print $NF }')
[[ -x $programs/initdb ]] || skip 'PostgreSQL is missing (./bootstrap real)'
PATH=$programs:$PATH
need initdb postgres pgbench psql pg_amcheck
clients=4
export PGHOST=$work/files PGUSER=checker PGDATABASE=postgres

sql() {
	timeout 60 psql -X -A -t -q -c "$1" 2>&1
}

load_begin() {
	load_command pgbench -n -c "$clients" -j 2 -T "$1" -M prepared
}

load_end() {
	load_wait
	rate=$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$work/load")
	load_errors=$(sed -n 's/^number of failed transactions: \([0-9]*\).*/\1/p' "$work/load")
	load_errors=$((${load_errors:-1} + (load_status != 0) + $(grep -c 'error:' "$work/load")))
	: "${rate:=0}"
}

show_value() {
	sql 'SELECT line FROM note'
}

# pgbench moves money, and never makes any: four sums stay equal. Indexes fit their tables,
# and what nobody changes is as it was.
check() {
	sql 'SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(bbalance) FROM pgbench_branches)
		AND (SELECT sum(tbalance) FROM pgbench_tellers) = (SELECT sum(bbalance) FROM pgbench_branches)
		AND (SELECT coalesce(sum(delta), 0) FROM pgbench_history) = (SELECT sum(bbalance) FROM pgbench_branches)'
	sql 'SELECT md5(string_agg(line, $$ $$ ORDER BY number)) FROM kept'
	timeout 60 pg_amcheck --heapallindexed postgres 2>&1 && echo 'amcheck is content'
	grep -E 'ERROR:|FATAL:|PANIC:|terminated by signal' "$work/log"
}

stop() {
	kill -INT "$server"
	ended "$server" 30 && wait "$server" && grep -q 'database system is shut down' "$work/log"
}

"${as_user[@]}" initdb -D "$work/files/data" -U checker -A trust -N --locale=C --encoding=UTF8 >"$work/log" 2>&1 ||
	give_up 'initdb fails'
start server 'database system is ready to accept connections' postgres -D "$work/files/data" \
	-c listen_addresses= -c unix_socket_directories="$work/files" -c shared_buffers=64MB -c fsync=off \
	-c autovacuum_naptime=1s || give_up 'postgres does not start'
founders=("$server")
pgbench -i -s 2 -q >>"$work/log" 2>&1 || give_up 'pgbench makes no tables'
sql 'CREATE EXTENSION amcheck' >>"$work/log"
# Unlogged: one copy stands in the shared buffers, and none in the write-ahead log.
sql "CREATE UNLOGGED TABLE note AS SELECT '$first'::text AS line" >>"$work/log"
sql 'CREATE TABLE kept AS SELECT number, md5(number::text) AS line FROM generate_series(1, 20000) AS number' >>"$work/log"
run_rounds
