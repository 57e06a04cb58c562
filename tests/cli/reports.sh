#!/bin/bash
# SPDX-License-Identifier: MIT
# What the command reports besides memory: regions, info, why, help, completion.
. "$(dirname "$0")/harness.sh"

victim_start victim "$VICTIM"
page=$(getconf PAGESIZE)

# /proc/PID/maps as "START END PERMISSIONS", the truth about regions. The last
# line may be a page of the kernel's half, which is in no process's address space.
maps()
{
	awk '$6 != "[vsyscall]" {split($1, a, "-"); print "0x" a[1], "0x" a[2], $2}' "/proc/$victim/maps"
}

case_regions_lists_what_the_kernel_lists()
{
	run regions "$victim"
	expect_status 0
	expect_equal "$(sed 's/^\(0x[0-9a-f]*\)-\(0x[0-9a-f]*\)  \(....\) .*/\1 \2 \3/' "$output" | sed 's/0x0*/0x/g' | md5sum)" \
		"$(maps | sed 's/0x0*/0x/g' | md5sum)"
}

case_regions_json_lists_what_the_kernel_lists()
{
	run regions "$victim" --json
	expect_status 0
	expect_equal "$(jq -r '.[] | "\(.start) \(.end) \(.protection)\(if .shared then "s" else "p" end)"' "$output" | md5sum)" \
		"$(maps | sed 's/0x0*/0x/g' | md5sum)"
	expect_equal "$(jq -r '.[] | select(.name | endswith("libc.so.6")) | .inode' "$output" | sort -u)" \
		"$(stat -L -c %i "$(awk '$6 ~ /\/libc\.so/ {print $6; exit}' "/proc/$victim/maps")")"
}

case_regions_perm_and_name_choose()
{
	run regions "$victim" --perm r-x --name 'libc*'
	expect_equal "$(wc -l <"$output")" "$(grep -c 'r-xp.*/libc[^/]*$' "/proc/$victim/maps")"
	run regions "$victim" --perm rw
	expect_equal "$(wc -l <"$output")" "$(grep -c ' rw.. ' "/proc/$victim/maps")"
	run regions "$victim" --name '[stack]' --name '[vdso]'
	expect_equal "$(awk '{print $NF}' "$output" | sort | paste -sd' ')" '[stack] [vdso]'
	run regions "$victim" --name 'nothing*'
	expect_status 1
	expect_silence
	run regions "$victim" --perm zz
	expect_complaint 2 'not a set of protections'
}

case_regions_shared_memory_is_marked()
{
	local mapped
	head -c "$page" /dev/zero >"$work/shared file"
	mv "$work/shared file" "$work/shared"
	mapped=$(ask "$victim" file "$work/shared" "$page")
	run regions "$victim" --perm rw-s --name shared
	expect_equal "$(sed 's/0x0*/0x/;s/-.*//' "$output")" "$mapped"
}

case_regions_name_cannot_steer_the_terminal()
{
	local odd=$work/$'esc\e[31m\xff'
	head -c "$page" /dev/zero >"$odd"
	ask "$victim" file "$odd" "$page" >/dev/null
	run regions "$victim" --name 'esc*'
	expect_match 'esc\\033\[31m'
	run regions "$victim" --name 'esc*' --json
	expect_equal "$(jq -r '.[0].name' "$output")" "$work/"$'esc\e[31m\xef\xbf\xbd'
}

case_regions_colours_only_on_a_terminal()
{
	TERM=xterm script -qec "$machvm regions $victim" /dev/null >"$work/terminal" </dev/null
	grep -q $'\e\\[3' "$work/terminal" || fail 'no colour on a terminal'
	TERM=xterm NO_COLOR=1 script -qec "$machvm regions $victim" /dev/null >"$work/terminal" </dev/null
	! grep -q $'\e' "$work/terminal" || fail 'colour under NO_COLOR'
	run regions "$victim"
	! grep -q $'\e' "$output" || fail 'colour in a file'
}

case_info_counts_what_the_kernel_lists()
{
	run info "$victim" --json
	expect_status 0
	expect_equal "$(jq -c '[.pid, .program, .pointer_bits, .regions]' "$output")" \
		"[$victim,\"$(realpath "$VICTIM")\",64,$(maps | wc -l)]"
	expect_equal "$(jq .bytes.writable "$output")" \
		"$(awk '$2 ~ /w/ {print $1}' "/proc/$victim/maps" | while IFS=- read -r a b; do echo $((0x$b - 0x$a)); done | paste -sd+ | bc)"
	expect_equal "$(jq -c .rights "$output")" '{"control":true,"read":true,"inspect":true,"name":true}'
	run info "$victim"
	expect_match "process .*[(]$victim[)]"
}

case_why_allowed_is_status_0()
{
	run why "$victim"
	expect_status 0
	[[ -s $output ]] || fail 'nothing is said'
	run why "$victim" --right inspect --json
	expect_status 0
	expect_equal "$(jq -c '[.pid, .right, .allowed]' "$output")" "[$victim,\"inspect\",true]"
	run why "$victim" --right all
	expect_complaint 2 'all is no right'
}

case_help_is_there_for_every_verb()
{
	local verb
	run help
	expect_status 0
	for verb in write read copy find protect allocate deallocate suspend resume regions threads info why grant; do
		grep -q "^  $verb " "$output" || fail "$verb is not listed"
	done
	for verb in write read copy find protect allocate deallocate suspend resume regions threads info why grant; do
		run "$verb" --help
		expect_status 0
		expect_match "^usage: machvm $verb TASK"
		cp "$output" "$work/help"
		run help "$verb"
		cmp -s "$output" "$work/help" || fail "help $verb is something else"
		(($(awk '{if (length > m) m = length} END {print m}' "$output") <= 100)) || fail "a line of $verb's help is too long"
	done
}

case_version_is_printed()
{
	run --version
	expect_status 0
	expect_match '^machvm [0-9]+\.[0-9]+\.[0-9]+$'
}

case_wrong_verb_is_status_2()
{
	run frobnicate 1
	expect_complaint 2 'frobnicate is no verb'
	run help frobnicate
	expect_complaint 2 'frobnicate is no verb'
	run
	expect_status 2
	[[ ! -s $output && -s $errors ]] || fail 'the usage does not go to standard error'
}

# complete WORD...: what bash offers for the last word.
complete_words()
{
	bash -c '
		. /usr/share/bash-completion/bash_completion
		. "$0"
		compopt() { :; }
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_TYPE=9 COMPREPLY=()
		COMP_POINT=${#COMP_LINE}
		_machvm
		printf "%s\n" "${COMPREPLY[@]}"' "$COMPLETION" "$@"
}

case_completion_offers_verbs_tasks_and_values()
{
	[[ -r /usr/share/bash-completion/bash_completion ]] || {
		skip 'bash-completion is not installed'
		return
	}
	expect_equal "$(complete_words machvm re | paste -sd' ')" 'read resume regions'
	complete_words machvm read '' | grep -qx "$victim" || fail 'the pid is not offered'
	complete_words machvm read '' | grep -qx "$(basename "$VICTIM" | cut -c1-15)" || fail 'the name is not offered'
	expect_equal "$(complete_words machvm why 1 --right c)" control
	expect_equal "$(complete_words machvm protect 1 0x10 4 rw | paste -sd' ')" 'rw rwx'
	expect_equal "$(complete_words machvm allocate -t 5 1 4 '[s')" '\[stack\]'
	expect_equal "$(complete_words machvm write 1 0x10 f | paste -sd' ')" 'f32: f64:'
	expect_equal "$(complete_words machvm read 1 '[s')" '\[stack\]'
}

case_completion_knows_every_option()
{
	[[ -r /usr/share/bash-completion/bash_completion ]] || {
		skip 'bash-completion is not installed'
		return
	}
	local verb
	for verb in write read copy find protect allocate deallocate suspend resume regions threads info why grant; do
		run "$verb" --help
		expect_equal "$(complete_words machvm "$verb" - | sort | paste -sd' ')" \
			"$(sed -n 's/^  *\(-., \)*\(--[a-z]*\).*/\2/p' "$output" | sort | paste -sd' ')"
	done
}

run_cases
