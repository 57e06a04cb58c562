#!/bin/bash
# SPDX-License-Identifier: MIT
# redis-server under redis-benchmark, while it forks to save itself to disk.
. "$(dirname "$0")/harness.sh"

need redis-server redis-cli redis-benchmark
socket=$work/files/socket

redis() {
	timeout 60 redis-cli -s "$socket" -n 1 --raw "$@" 2>&1
}

# Requests of four kinds, as many as fit in the time by the last count.
per_second=10000
load_begin() {
	requests=$((per_second * $1 / 4))
	load_command redis-benchmark -s "$socket" -c 20 -n "$requests" -r 10000 -t set,get,incr,lpush --csv
	saves=$((saves + 1))
	[[ $(redis bgsave) == 'Background saving started' ]] || bad_saves=$((bad_saves + 1))
}
saves=0 bad_saves=0

# redis itself counts the errors that it answered with.
load_end() {
	local answered
	load_wait
	answered=$(redis info stats | sed -n 's/^total_error_replies:\([0-9]*\).*/\1/p')
	load_errors=$((${answered:-1} - errors_before + (load_status != 0)))
	load_errors=$((load_errors + $(grep -ci error "$work/load")))
	(($(grep -c '^"[A-Z]*[ ",(]' "$work/load") >= 4)) || load_errors=$((load_errors + 1))
	errors_before=${answered:-0}
	rate=$(awk "BEGIN { print 4 * $requests / $load_seconds }")
	per_second=${rate%.*}
}
errors_before=0

show_value() {
	redis get note
}

check() {
	local i
	redis ping
	redis mget $(for ((i = 0; i < 1000; i++)); do echo "kept:$i"; done) | sha256sum
	redis info persistence | grep -c '^rdb_last_bgsave_status:ok'
	echo "$bad_saves saves refused"
}

stop() {
	redis shutdown nosave >/dev/null
	ended "$server" 30 && wait "$server"
}

start server 'eady to accept connections' redis-server --port 0 --unixsocket "$socket" \
	--save '' --appendonly no --dir "$work/files" || give_up 'redis-server does not start'
founders=("$server")
for ((i = 0; i < 1000; i++)); do
	echo "set kept:$i the-value-of-key-number-$i"
done | timeout 60 redis-cli -s "$socket" -n 1 >/dev/null
[[ $(redis set note "$first") == OK ]] || give_up 'it does not take the value'
run_rounds
