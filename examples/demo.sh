#!/bin/bash
# SPDX-License-Identifier: MIT
# Rewrites a value in the live memory of a real server, Debian's redis-server,
# and checks every step: demo.sh BUILD, where BUILD is the build directory.
set -u

machvm=${1:?usage: demo.sh BUILD}/cli/machvm
key=motto
old='written by redis.'
new='written by machvm'
server=
port=
directory=

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$(printf '\033[1m') plain=$(printf '\033[0m')
fi

end() {
	trap - EXIT
	[ -z "$server" ] || { kill -KILL "$server" && wait "$server"; } 2>/dev/null
	[ -z "$directory" ] || rm -rf "$directory"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

say() {
	printf '\n'
	printf '%s\n' "$@"
}

fail() {
	echo "demo: $*" >&2
	exit 1
}

# Shows a command as one would type it. Its program goes by its short name.
show() {
	local words='' word

	for word in "${1##*/}" "${@:2}"; do
		case $word in
		*[!A-Za-z0-9_./:=,@%+-]* | '') word="'$word'" ;;
		esac
		words="$words $word"
	done
	printf '  %s$%s%s\n' "$bold" "$words" "$plain"
}

# Shows a command, runs it, shows what it says; leaves that in $output and $status.
run() {
	show "$@"
	output=$("$@" 2>&1)
	status=$?
	[ -z "$output" ] || printf '%s\n' "$output" | sed 's/^/  /'
}

redis() {
	redis-cli -p "$port" "$@"
}

# As run(), for a command to the server.
run_redis() {
	run redis-cli -p "$port" "$@"
}

# Starts the server on some free port of the loopback device; it keeps nothing on disk and
# ends with this script. $1 is the port. True once it is ready for connections.
start_server() {
	local line

	exec 3< <(exec setpriv --pdeathsig KILL redis-server --bind 127.0.0.1 --port "$1" \
		--save '' --appendonly no --dir "$directory" 2>&1)
	server=$!
	while read -r -t 30 -u 3 line; do
		case $line in
		*'Ready to accept connections'*) return 0 ;;
		esac
	done
	kill -KILL "$server" 2>/dev/null
	wait "$server" 2>/dev/null
	server=
	return 1
}

[ -x "$machvm" ] || fail "there is no $machvm; run: make"
for program in redis-server redis-cli setpriv; do
	command -v "$program" >/dev/null || fail "$program is missing; run: ./bootstrap"
done
directory=$(mktemp -d) || fail "no temporary directory"

for _ in 1 2 3 4 5 6 7 8 9 10; do
	port=$((20000 + RANDOM % 10000))
	start_server "$port" && break
done
[ -n "$server" ] || fail "redis-server does not start"

say "A redis-server is running: process $server, port $port. It is given a value to keep."
run_redis set "$key" "$old"
[ "$output" = OK ] || fail "the server did not take the value"
run_redis get "$key"
[ "$output" = "$old" ] || fail "the server does not know the value"

say "Where in its memory is that value? Only places that the server may write are asked for."
run "$machvm" find "$server" "str:$old" --perm rw
[ "$status" -eq 0 ] || fail "machvm find found nothing (exit status $status)"
mapfile -t places < <(printf '%s\n' "$output" | sed -n 's/^\(0x[0-9a-f]*\)[[:space:]].*/\1/p')
count=${#places[@]}
[ "$count" -gt 0 ] || fail "machvm find printed no address"

if [ "$count" -eq 1 ]; then
	say "It is overwritten in place. Redis goes on running and is not asked."
else
	say "One of these $count is the value, the others are left-overs of requests and answers." \
		"All are overwritten in place. Redis goes on running and is not asked."
fi
for place in "${places[@]}"; do
	run "$machvm" write "$server" "$place" "str:$new"
	[ "$status" -eq 0 ] || fail "machvm write failed (exit status $status)"
done

say "What does the server answer now?"
run_redis get "$key"
[ "$output" = "$new" ] || fail "the server does not answer with the new bytes"

say "Its program code is another matter: the server itself may not write there."
run "$machvm" regions "$server" --perm r-x --name '*redis*'
text=$(printf '%s\n' "$output" | sed -n '1s/^\(0x[0-9a-f]*\)-.*/\1/p')
[ -n "$text" ] || fail "machvm regions does not show the program's code"
before=$("$machvm" read "$server" "$text" 16) || fail "the program's code cannot be read"
run "$machvm" write "$server" "$text" hex:90
printf '  exit status %d\n' "$status"
[ "$status" -eq 6 ] || fail "writing to code should have been refused with exit status 6"
[ "$("$machvm" read "$server" "$text" 16)" = "$before" ] || fail "the code has changed"

say "The write was refused and changed nothing. The server is in good health."
run_redis ping
[ "$output" = PONG ] || fail "the server does not answer any more"
[ "$(redis get "$key")" = "$new" ] || fail "the value has changed once more"
say "Done: every step was checked. The server is stopped and its files are removed."
