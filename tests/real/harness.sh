# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# harness - works on one live program under load, and judges it by its own protocol.
#
# A script for a program sources this, sets and defines what stands below, and calls
# run_rounds. What it prints are lines "ok - ..." and "not ok - ..."; what goes into the
# tables is added to $REAL_RESULTS/rows and tallies.
#
#   founders           pids; they and their descendants are worked on
#   holders            pids in whose memory the value is (those of `founders` if not set)
#   descriptor_slack   how many more descriptors are the program's own doing (0)
#   regions_fixed      set where the program maps nothing by itself once it is warm
#   load_begin SECONDS starts a load that ends by itself
#   load_busy          true while it runs
#   load_end           waits for it; sets rate and load_errors
#   show_value         prints the value, asked of the program by its protocol
#   check              prints what must be the same before and after, by its protocol
#   stop               ends the program in an orderly way; false when it was not one
#
# A value stands in the program: $first. While the load runs and real-worker does everything
# else, the command changes it to $second and back, and the program is asked what it says.
set -u

: "${MACHVM:?the command}" "${WORKER:?real-worker}" "${REAL_RESULTS:?where results are added}"
here=$(dirname "${BASH_SOURCE[0]}")
name=$(basename "$0" .sh)

rounds=3 seconds=3
[[ ${MACHVM_REAL:-} != long ]] || rounds=10 seconds=10
rounds=${MACHVM_REAL_ROUNDS:-$rounds}

work=$(mktemp -d "${TMPDIR:-/tmp}/machvm-real.XXXXXX") || exit 1
chmod 711 "$work"
mkdir "$work/files"

# Whose programs these are. None of them needs to be root's, and some refuse.
as_user=(setpriv --pdeathsig KILL)
if [[ $(id -u) == 0 ]]; then
	as_user+=(--reuid 65534 --regid 65534 --clear-groups --inh-caps=-all)
	chown 65534:65534 "$work/files"
fi

first=first-$RANDOM$RANDOM$RANDOM-is-here
second=other${first#first}
mark=machvm-real-mark

founders=() holders=() places=()
failures=0 poked=0 load_process=
declare -A owned=()
trap 'tear_down' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

say() {
	printf '# %s: %s\n' "$name" "$*" >&2
}

give_up() {
	echo "not ok - $name: $*"
	[[ ! -s $work/log ]] || tail -n 20 "$work/log" | sed 's/^/# /'
	exit 1
}

skip() {
	echo "skipped: $name: $*"
	exit 77
}

need() {
	local program
	for program in "$@"; do
		command -v "$program" >/dev/null || skip "$program is missing (./bootstrap real)"
	done
}

# holds WHAT COMMAND...: one thing that is true of the program, or is not.
holds() {
	local what=$1
	shift
	if "$@"; then
		echo "ok - $name: $what"
	else
		echo "not ok - $name: $what"
		failures=$((failures + 1))
	fi
}

# The start of a process tells it from the next one with its number.
started_at() {
	local line
	read -r line 2>/dev/null <"/proc/$1/stat" || return
	line=${line##*) }
	# shellcheck disable=SC2086 # words
	set -- $line
	echo "${20}"
}

# family PID...: these and all their descendants that live, one to a line. Nobody, of nobody:
# what descends from 0 or 1 is the whole machine.
family() {
	local pid
	for pid in "$@"; do
		((pid > 1)) || return
	done
	ps -e -o pid=,ppid=,stat= | awk -v roots="$*" '
		BEGIN { n = split(roots, root); for (i = 1; i <= n; i++) ours[root[i]] = 1 }
		$3 !~ /^[ZX]/ { parent[$1] = $2 }
		END {
			do {
				more = 0
				for (pid in parent)
					if (!(pid in ours) && parent[pid] in ours)
						more = ours[pid] = 1
			} while (more)
			for (pid in ours) if (pid in parent) print pid
		}'
}

# True when the process has ended within SECONDS.
ended() {
	timeout "$2" tail --pid="$1" -f /dev/null
}

# own PID: a child, which is to end with this script.
own() {
	owned[$1]=$(started_at "$1")
}

# is_still PID START: the same process, and not the next one with its number.
is_still() {
	[[ $2 && $(started_at "$1") == "$2" ]]
}

# What is ours ends with us: asked first, and then made to.
tear_down() {
	local status=$? pid
	local -A ours=()
	trap - EXIT
	for pid in "${!owned[@]}"; do
		is_still "$pid" "${owned[$pid]}" || unset "owned[$pid]"
	done
	for pid in $(family "${!owned[@]}"); do
		ours[$pid]=$(started_at "$pid")
	done
	for pid in "${!owned[@]}"; do
		kill -TERM "$pid" 2>/dev/null
	done
	for pid in "${!owned[@]}"; do
		ended "$pid" 5
	done
	for pid in "${!ours[@]}"; do
		! is_still "$pid" "${ours[$pid]}" || kill -KILL "$pid" 2>/dev/null
	done
	wait 2>/dev/null
	rm -rf "$work"
	exit "$status"
}

# start VARIABLE PATTERN COMMAND...: a server; true when it has said that it is ready. What it
# says goes to $work/log.
start() {
	local -n pid_of=$1
	local pattern=$2 line said
	shift 2
	mkfifo "$work/said"
	HOME=$work/files "${as_user[@]}" "$@" >"$work/said" 2>&1 </dev/null &
	pid_of=$!
	own "$!"
	exec {said}<"$work/said"
	rm "$work/said"
	while read -r -t 60 -u "$said" line; do
		echo "$line" >>"$work/log"
		if [[ $line == *$pattern* ]]; then
			cat <&"$said" >>"$work/log" &
			exec {said}<&-
			return 0
		fi
	done
	return 1
}

# free_port: a port of the loopback device on which nobody listens.
free_port() {
	local port
	for _ in {1..50}; do
		port=$((20000 + RANDOM % 10000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}

# load_command COMMAND...: a load that is a program of its own. What it says is in $work/load.
load_command() {
	timeout 120 "$@" >"$work/load" 2>&1 </dev/null &
	load_process=$!
	own "$load_process"
	load_began=$EPOCHREALTIME
}

load_busy() {
	is_still "$load_process" "${owned[$load_process]}"
}

# Waits for that program; its exit status is in load_status, its time in load_seconds.
load_wait() {
	wait "$load_process"
	load_status=$?
	load_seconds=$(awk "BEGIN { print $EPOCHREALTIME - $load_began }")
	load_process=
}

median() {
	printf '%s\n' "$@" | sort -g | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

run_machvm() {
	"$MACHVM" "$@" >"$work/output" 2>"$work/errors" && return
	say "machvm $*: status $?: $(head -c 300 "$work/errors")"
	command_failures=$((command_failures + 1))
	return 1
}

# put PLACE TEXT [OPTION]: in every process that has it there.
put() {
	local pid
	for pid in "${holders[@]}"; do
		run_machvm write "$pid" "$1" "str:$2" ${3:+"$3"}
	done
}

# Which of the places where the text stands is the value? The program idles: a left-over copy
# in memory that it has freed gets its bytes back before anything else happens there.
locate() {
	local place candidates=()
	mapfile -t candidates < <("$MACHVM" find "${holders[0]}" "str:$first" --perm rw | sed 's/[[:space:]].*//')
	for place in "${candidates[@]}"; do
		[[ $("$MACHVM" read "${holders[0]}" "$place" "${#first}" --raw) == "$first" ]] || continue
		put "$place" "$second"
		[[ $(show_value) != "$second" ]] || places+=("$place")
		put "$place" "$first"
	done
	say "${#candidates[@]} copies of the value, ${#places[@]} of them it"
}

poke() {
	local place said
	for place in "${places[@]}"; do
		put "$place" "$@"
	done
	said=$(show_value)
	poked=$((poked + 1))
	[[ $said == "$1" ]] && return
	say "the value is '$said' and should be '$1'"
	wrong_values=$((wrong_values + 1))
}

# The first bytes of the program's own code, written over with themselves.
write_text() {
	local pid=${holders[0]} text bytes
	text=$("$MACHVM" regions "$pid" --perm r-x | sed -n '/ \//s/^\(0x[0-9a-f]*\)-.*/\1/p' | head -n 1)
	[[ $text ]] || return 0
	bytes=$("$MACHVM" read "$pid" "$text" 32 --raw | od -An -v -tx1 | tr -d ' \n')
	run_machvm write "$pid" "$text" "hex:$bytes" --unprotect
}

# What a person does at the prompt, while the load runs. Every answer is looked at.
use_command() {
	poke "$second"
	poke "$first" --transaction
	run_machvm regions "${holders[0]}"
	run_machvm find "${holders[0]}" "str:$first" --perm rw
	write_text
}

worker_start() {
	mkfifo "$work/stop"
	"$WORKER" $((round * 3)) "${founders[@]}" <"$work/stop" >"$work/tally" 2>"$work/complaints" &
	worker=$!
	own "$worker"
	exec {worker_stop}>"$work/stop"
	rm "$work/stop"
}

# Its counts are added up in $work/tallies.
worker_end() {
	exec {worker_stop}>&-
	wait "$worker" || worker_failures=$((worker_failures + 1))
	sed "s/^/# $name: /" "$work/complaints" >&2
	sed "s/^/$name /" "$work/tally" >>"$work/tallies"
}

quiet_round() {
	load_begin "$seconds"
	load_end
	quiet_rates+=("$rate")
	quiet_errors=$((quiet_errors + load_errors))
}

worked_round() {
	load_begin "$seconds"
	worker_start
	while load_busy; do
		use_command
	done
	worker_end
	load_end
	worked_rates+=("$rate")
	worked_errors=$((worked_errors + load_errors))
}

# Of each process: descriptors that lead to no file on a disk (files are the program's own
# doing), regions, and what is done with signals.
facts() {
	local pid
	for pid in $(family "${founders[@]}"); do
		echo "$pid descriptors $(find "/proc/$pid/fd" -mindepth 1 -printf '%l\n' 2>/dev/null |
			grep -cvE '^/([^mp]|m[^e]|p[^r])')"
		echo "$pid regions $(wc -l <"/proc/$pid/maps")"
		sed -n "s/^\(Sig[BIC]..\):[[:space:]]*\(.*\)/$pid \1 \2/p" "/proc/$pid/status"
	done 2>/dev/null
}

# What has changed from one list of facts, which may tell of a thing more than once, to
# another, of processes that are in both. Fewer descriptors are the program's own doing.
changes() {
	awk 'NR == FNR { last[$1, $2] = $3; before[$1, $2, $3] = 1; next }
		!(($1, $2) in last) || $2 == "regions" && !fixed { next }
		$2 == "descriptors" ? $3 > last[$1, $2] + slack : !(($1, $2, $3) in before) {
			print $0, "and was", last[$1, $2] }' slack="${descriptor_slack:-0}" fixed="${regions_fixed:-}" "$1" "$2"
}

# Is any thread traced, or standing still?
nobody_holds_it() {
	local pid found
	for pid in $(family "${founders[@]}"); do
		found=$(cat "/proc/$pid/task/"*/status 2>/dev/null | grep -E '^State:[[:space:]]*[tT]|^TracerPid:[[:space:]]*[1-9]')
		[[ ! $found ]] || { say "process $pid: $found" && return 1; }
	done
}

# Every page that was allocated in it began with the mark.
nothing_left() {
	local pid what
	for pid in $(family "${founders[@]}"); do
		"$MACHVM" find "$pid" "str:$mark" --limit 1 >"$work/output" 2>&1
		# 3: it has ended meanwhile.
		[[ $? == [13] ]] || { say "process $pid: $(<"$work/output")" && return 1; }
	done
	# What is wrong stays wrong; and see run_rounds.
	for _ in {1..20}; do
		facts >"$work/facts.after"
		what=$(changes "$work/facts.before" "$work/facts.after")
		[[ $what ]] || return 0
	done
	say "$what"
	return 1
}

# Each operation was tried with success at least once.
tried_everything() {
	local none
	none=$(awk '{ done[$2] += $3 } END { for (each in done) if (!done[each]) print each }' "$work/tallies")
	[[ ! $none ]] || { say "never done: $none" && return 1; }
}

is() {
	[[ $1 == "$2" ]] || { say "'$1' and not '$2'" && return 1; }
}

add_row() {
	local counts quiet worked
	counts=$(awk '{ done += $3; refused += $4; late += $5; failed += $6 }
		END { print done, refused, late, failed }' "$work/tallies")
	cat "$work/tallies" >>"$REAL_RESULTS/tallies"
	quiet=$(median "${quiet_rates[@]}") worked=$(median "${worked_rates[@]}")
	printf '%s %s %s %s %s %s %s %s\n' "$name" "$processes" "$counts" "$poked" \
		"$quiet_errors $worked_errors" "$quiet" "$worked" \
		"$(awk "BEGIN { printf \"%.2f\", $worked / $quiet }")" >>"$REAL_RESULTS/rows"
}

run_rounds() {
	local before round
	quiet_rates=() worked_rates=() quiet_errors=0 worked_errors=0
	wrong_values=0 worker_failures=0 command_failures=0
	((${#holders[@]})) || holders=("${founders[@]}")

	# Once for nothing: what a program sets up at its first request is there then.
	load_begin 1
	load_end
	is "$(show_value)" "$first" || give_up 'it does not know the value'
	before=$(check)
	[[ $before ]] || give_up 'it does not say how it is'
	locate
	((${#places[@]})) || give_up 'the value was not found in its memory'
	# A look may fall into the middle of something that the program does: postgres, for one,
	# blocks signals while it starts a process.
	for _ in {1..5}; do
		facts >>"$work/facts.before"
	done
	processes=$(family "${founders[@]}" | wc -l)

	for ((round = 1; round <= rounds; round++)); do
		quiet_round
		worked_round
	done

	holds 'everything that the library does was done' tried_everything
	holds 'no call of the library failed' is "$worker_failures" 0
	holds 'no command failed' is "$command_failures" 0
	holds "the program said what was written, $poked times" is "$wrong_values" 0
	holds 'the load met no error before' is "$quiet_errors" 0
	holds 'the load met no error while it was worked on' is "$worked_errors" 0
	holds 'no thread is traced or stands still' nobody_holds_it
	holds 'its data is what it was' is "$(check)" "$before"
	holds 'nothing is left in it, and its signals are as they were' nothing_left
	holds 'it ends in good order' stop
	add_row
	exit $((failures > 0))
}
