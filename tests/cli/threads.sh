#!/bin/bash
# SPDX-License-Identifier: MIT
# machvm suspend, resume and threads. That a victim stands still the kernel says; that
# it goes on, it says itself.
. "$(dirname "$0")/harness.sh"

victim_start victim "$VICTIM"
ask "$victim" thread >/dev/null
ask "$victim" thread >/dev/null
counter=$(ask "$victim" where counter)

# states PID: the state letter of each thread, one after the other.
states()
{
	local stat text=
	for stat in "/proc/$1"/task/*/stat; do
		stat=$(<"$stat")
		stat=${stat##*) }
		text+=${stat%% *}
	done
	echo "$text"
}

tracer()
{
	sed -n 's/^TracerPid:\t//p' "/proc/$1/status"
}

# The process that holds it: the parent of the tracer.
holder()
{
	sed -n 's/^PPid:\t//p' "/proc/$(tracer "$1")/status"
}

# Waits for a condition to become true.
await()
{
	local tries=2000
	until "$@" || ((--tries == 0)); do
		sleep 0.01
	done
	((tries)) || fail "it never became true: $*"
}

is_free()
{
	[[ $(tracer "$victim") == 0 && $(states "$victim") != *t* ]]
}

is_held()
{
	[[ $(states "$victim") == ttt ]]
}

is_stopped_by_job_control()
{
	[[ $(states "$victim") == TTT ]]
}

expect_held()
{
	expect_equal "$(states "$victim")" ttt
}

expect_going_on()
{
	await is_free
	[[ $(ask "$victim" peek "$counter" 8) ]] || fail "the victim does not answer"
}

case_suspend_returns_with_every_thread_still_and_resume_with_all_going_on()
{
	run suspend "$victim"
	expect_status 0
	expect_silence
	expect_held
	run resume "$victim"
	expect_status 0
	expect_silence
	is_free || fail "it is still held"
	expect_going_on
}

case_suspend_reports_its_holder()
{
	run suspend "$victim" --json -v
	expect_status 0
	expect_equal "$(jq -r .pid "$output")" "$victim"
	expect_equal "$(jq -r .holder "$output")" "$(holder "$victim")"
	[[ $(<"$errors") == *"stands still"* ]] || fail "nothing is said"
	run resume "$victim" --json -v
	expect_status 0
	expect_equal "$(jq -r .pid "$output")" "$victim"
	expect_going_on
}

case_suspended_process_can_be_read_and_written()
{
	run suspend "$victim"
	run write "$victim" "$counter" u64:77
	expect_status 0
	run read "$victim" "$counter" --as u64 --count 1
	expect_match '(^|[^0-9])77$'
	expect_held
	run resume "$victim"
	expect_equal "$(ask "$victim" peek "$counter" 8)" 4d00000000000000
}

case_suspend_twice_changes_nothing()
{
	local first
	run suspend "$victim"
	first=$(holder "$victim")
	run suspend "$victim"
	expect_complaint 1 "suspended already, by machvm \($first\)"
	expect_held
	expect_equal "$(holder "$victim")" "$first"
	run resume "$victim"
	expect_going_on
}

case_resume_without_suspend_changes_nothing()
{
	run resume "$victim"
	expect_complaint 1 'is not suspended'
}

case_suspension_ends_with_its_holder()
{
	run suspend "$victim"
	kill -KILL "$(holder "$victim")"
	expect_going_on
	run suspend "$victim"
	expect_status 0
	kill -KILL "$(tracer "$victim")"
	expect_going_on
	run resume "$victim"
	expect_complaint 1 'is not suspended'
}

case_holder_ends_with_the_suspended_process()
{
	local other held_by
	victim_start other "$VICTIM"
	run suspend "$other"
	held_by=$(holder "$other")
	victim_stop "$other"
	await test ! -e "/proc/$held_by"
}

case_suspend_wait_holds_until_it_is_told()
{
	local pid
	"$machvm" suspend "$victim" --wait &
	pid=$!
	await is_held
	expect_equal "$(holder "$victim")" "$pid"
	kill -TERM "$pid"
	wait "$pid"
	expect_equal $? 0
	is_free || fail "it is still held"
	"$machvm" suspend "$victim" -w &
	pid=$!
	await is_held
	run resume "$victim"
	expect_status 0
	wait "$pid"
	expect_equal $? 0
	expect_going_on
}

case_suspend_with_a_command_holds_while_it_runs()
{
	run suspend "$victim" -- sh -c "cat /proc/$victim/task/*/stat; exit 17"
	expect_status 17
	expect_equal "$(sed 's/.*) //; s/ .*//' "$output" | tr -d '\n')" ttt
	is_free || fail "it is still held"
	run suspend "$victim" -- "no-such-command-$$"
	expect_complaint 9 "no-such-command-$$"
	run suspend "$victim" -w -- true
	expect_complaint 2 'without a COMMAND'
	expect_going_on
}

case_job_control_stop_outlasts_the_suspension()
{
	kill -STOP "$victim"
	await is_stopped_by_job_control
	run suspend "$victim"
	expect_held
	run resume "$victim"
	await is_stopped_by_job_control
	kill -CONT "$victim"
	expect_going_on
}

case_resume_leaves_other_tracers_alone()
{
	local other
	run suspend 1 --no-such-option
	expect_complaint 2 'no-such-option'
	run resume
	expect_complaint 2 'TASK'
	run suspend "no-such-program-$$"
	expect_complaint 3 'no running program'
	run resume "no-such-program-$$"
	expect_complaint 3 'no running program'
	command -v gdb >/dev/null || { skip "there is no gdb"; return; }
	victim_start other "$VICTIM"
	gdb -q -batch -p "$other" -ex "shell \"$machvm\" resume $other 2>$work/said; echo \$? >$work/code" \
		>"$work/gdb" 2>&1
	expect_equal "$(<"$work/code")" 4
	[[ $(<"$work/said") == *'not by machvm'* ]] || fail "it says: $(<"$work/said")"
	victim_stop "$other"
}

case_threads_lists_each_thread_once()
{
	local tids
	tids=$(ls "/proc/$victim/task")
	run threads "$victim"
	expect_status 0
	expect_equal "$(awk '{print $1}' "$output" | sort)" "$(sort <<<"$tids")"
	expect_equal "$(awk '{print $2}' "$output" | sort -u)" waiting
	run threads "$victim" --json
	expect_equal "$(jq -r '.[].tid' "$output" | sort)" "$(sort <<<"$tids")"
	expect_equal "$(jq -r '.[0].name' "$output")" "$(<"/proc/$victim/comm")"
	run suspend "$victim"
	run threads "$victim"
	expect_equal "$(awk '{print $2}' "$output" | sort -u)" stopped
	run resume "$victim"
}

case_threads_shows_registers_where_the_kernel_sees_them()
{
	local tid sp
	run threads "$victim" --registers --json
	expect_status 0
	[[ $(uname -m) == x86_64 ]] || { skip "another machine"; return; }
	for tid in "/proc/$victim"/task/*; do
		# "NUMBER arguments SP PC" of the call that it sleeps in.
		sp=$(awk '{print $(NF - 1)}' "$tid/syscall")
		expect_equal "$(jq -r ".[] | select(.tid == ${tid##*/}).registers.rsp" "$output")" "$sp"
	done
	run threads "$victim" -r
	expect_match 'rip 0x'
	expect_going_on
}

case_threads_of_what_is_not_there_is_refused()
{
	run threads "no-such-program-$$"
	expect_complaint 3 'no running program'
	run threads
	expect_complaint 2 'TASK'
	run threads "$victim" "$victim"
	expect_complaint 2 'TASK'
}

run_cases
