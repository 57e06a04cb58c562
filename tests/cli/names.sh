#!/bin/bash
# SPDX-License-Identifier: MIT
# TASK on the command line: which process a word means, and who is refused.
. "$(dirname "$0")/harness.sh"

# A name that no other program has.
name=vic$$
cp "$VICTIM" "$work/$name"

case_task_name_of_one_program_is_found()
{
	local victim
	victim_start victim "$work/$name"
	run info "$name" --json
	expect_status 0
	expect_equal "$(jq -r '"\(.pid) \(.name)"' "$output")" "$victim $name"
	run info "$work/$name" --json
	expect_equal "$(jq -r .pid "$output")" "$victim"
	ln -s "$name" "$work/link"
	run info "$work/link" --json
	expect_equal "$(jq -r .pid "$output")" "$victim"
	victim_stop "$victim"
}

case_task_name_survives_a_change_of_the_command_name()
{
	local victim
	victim_start victim "$work/$name"
	ask "$victim" rename other$$ >/dev/null
	run info "$name" --json
	expect_equal "$(jq -r .pid "$output")" "$victim"
	run info "other$$" --json
	expect_equal "$(jq -r .pid "$output")" "$victim"
	victim_stop "$victim"
}

case_task_name_longer_than_the_kernel_keeps_is_found()
{
	local victim long=a-rather-long-program-name-$$
	cp "$VICTIM" "$work/$long"
	victim_start victim "$work/$long"
	run info "$long" --json
	expect_equal "$(jq -r .pid "$output")" "$victim"
	run info "$long-and-more"
	expect_complaint 3 'no running program is called'
	victim_stop "$victim"
}

case_task_name_of_two_programs_is_refused_and_lists_them()
{
	local one two counter
	victim_start one "$work/$name"
	victim_start two "$work/$name"
	counter=$(ask "$one" where counter)
	run write "$name" counter u64:7
	expect_complaint 2 "2 running programs are called $name"
	[[ $(<"$errors") == *"$one"* && $(<"$errors") == *"$two"* ]] || fail "the pids are missing"
	expect_equal "$(ask "$one" peek "$counter" 8)" e803000000000000
	expect_equal "$(ask "$two" peek "$(ask "$two" where counter)" 8)" e803000000000000
	victim_stop "$one"
	victim_stop "$two"
}

case_task_unknown_is_status_3()
{
	run write "no-such-program-$$" 0x1000 u8:1
	expect_complaint 3 'no running program is called'
	run read 0 0x1000 4
	expect_complaint 3 'there is no process 0'
	run read 99999999999999999999 0x1000 4
	expect_complaint 3 'there is no process'
	run info ''
	expect_complaint 2 'TASK is empty'
}

case_task_that_ended_is_status_3()
{
	local victim verb
	victim_start victim "$work/$name"
	victim_stop "$victim"
	for verb in 'write 0x1000 u8:1' 'read 0x1000 4' 'copy 0x1000 4 0x2000' 'regions' 'info' 'find u8:1' 'why' \
		'protect 0x1000 1 r' 'allocate 4096' 'deallocate 0x1000 1' 'write 0x1000 u8:1 --unprotect'; do
		# shellcheck disable=SC2086
		set -- $verb
		run "$1" "$victim" "${@:2}"
		expect_complaint 3 "process.* $victim|$victim"
	done
}

case_task_zombie_is_no_task()
{
	local victim zombie
	victim_start victim "$work/$name"
	zombie=$(ask "$victim" zombie)
	run read "$zombie" 0x1000 4
	expect_complaint 3 "$zombie"
	run info departed
	expect_complaint 3 'no running program is called departed'
	# The living parent is found although the dead child ran the same program.
	run info "$name" --json
	expect_equal "$(jq -r .pid "$output")" "$victim"
	victim_stop "$victim"
}

case_task_kernel_thread_is_not_found_by_name()
{
	run info kthreadd
	expect_complaint 3 'no running program is called kthreadd'
}

case_task_thread_id_names_the_process()
{
	local victim thread
	victim_start victim "$work/$name"
	thread=$(ask "$victim" thread)
	run read "$thread" 0x1000 4
	expect_complaint 3 "$thread is a thread, not a process; its process is $victim"
	victim_stop "$victim"
}

case_task_whose_first_thread_ended_is_reached()
{
	local victim counter
	victim_start victim "$work/$name"
	counter=$(ask "$victim" where counter)
	expect_equal "$(ask "$victim" leave)" ok
	run write "$victim" "$counter" u64:5
	expect_status 0
	run write "$name" counter+1 u8:6
	expect_status 0
	expect_equal "$(ask "$victim" peek "$counter" 8)" 0506000000000000
	run info "$name" --json
	expect_equal "$(jq -r '"\(.pid) \(.program)"' "$output")" "$victim $work/$name"
	victim_stop "$victim"
}

# Runs the command as somebody who may not touch the victim.
case_task_of_another_user_is_status_4()
{
	local victim counter status_of=()
	if ((EUID)); then
		output=$work/output errors=$work/errors
		run read 1 0x1000 4
		expect_complaint 4 'refuse|why'
		run why 1
		expect_status 4
		return
	fi
	victim_start victim "$work/$name"
	counter=$(ask "$victim" where counter)
	output=$work/output errors=$work/errors
	local as=(setpriv --reuid=65534 --regid=65534 --clear-groups "$machvm")
	"${as[@]}" write "$victim" "$counter" u64:1 >"$output" 2>"$errors"
	status=$?
	expect_complaint 4 "why $victim"
	"${as[@]}" read "$victim" "$counter" 8 >"$output" 2>"$errors"
	status=$?
	expect_complaint 4 "why $victim"
	"${as[@]}" regions "$victim" >"$output" 2>"$errors"
	status=$?
	expect_complaint 4 "why $victim"
	"${as[@]}" why "$victim" >"$output" 2>"$errors"
	status=$?
	expect_status 4
	[[ -s $output ]] || fail "no reason is given"
	"${as[@]}" why "$victim" --right name >"$output" 2>"$errors"
	status=$?
	expect_status 0
	"${as[@]}" info "$victim" --json >"$output" 2>"$errors"
	status=$?
	expect_status 0
	expect_equal "$(jq -c .rights "$output")" '{"control":false,"read":false,"inspect":false,"name":true}'
	expect_equal "$(ask "$victim" peek "$counter" 8)" e803000000000000
	victim_stop "$victim"
}

run_cases
