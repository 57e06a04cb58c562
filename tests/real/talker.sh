# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# talker - programs that judge themselves, and are asked over a pipe. A line for a line:
#
#   keep TEXT   "kept"
#   value       that text
#   run MS      "running"; its work goes on that long
#   busy        "yes" while it does, else "no"
#   wait        "OPERATIONS ERRORS" of the last run, when that has ended
#   check       always the same
#
# The first line that such a program says is its pid. It ends at the end of its input.

# talk_to COMMAND...: starts it, and gives it the value.
talk_to() {
	local pid
	mkfifo "$work/in" "$work/out"
	HOME=$work/files "${as_user[@]}" "$@" <"$work/in" >"$work/out" 2>>"$work/log" &
	talker=$!
	own "$talker"
	exec {talker_in}>"$work/in" {talker_out}<"$work/out"
	rm "$work/in" "$work/out"
	read -r -t 60 -u "$talker_out" pid || give_up 'it does not start'
	founders=("$pid")
	is "$(ask keep "$first")" kept || give_up 'it does not talk'
}

ask() {
	local answer=
	echo "$*" >&"$talker_in"
	read -r -t 60 -u "$talker_out" answer || say "no answer to: $*"
	echo "$answer"
}

load_begin() {
	load_began=$EPOCHREALTIME
	is "$(ask run $(($1 * 1000)))" running
}

load_busy() {
	[[ $(ask busy) == yes ]]
}

load_end() {
	local done
	read -r done load_errors <<<"$(ask wait)"
	rate=$(awk "BEGIN { print ${done:-0} / ($EPOCHREALTIME - $load_began) }")
	: "${load_errors:=1}"
}

show_value() {
	ask value
}

check() {
	ask check
}

# The end of its input ends it.
stop() {
	exec {talker_in}>&-
	ended "$talker" 30 && wait "$talker"
}
