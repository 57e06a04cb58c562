#!/bin/bash
# SPDX-License-Identifier: MIT
# machvm read, compared with what the victim says its memory holds.
. "$(dirname "$0")/harness.sh"

victim_start victim "$VICTIM"
text=$(ask "$victim" where text)
page=$(getconf PAGESIZE)
size=$((5 * 1048576 + 3 * page))
# A long run, the last page of it followed by nothing.
long=$(ask "$victim" map $((size + page)))
ask "$victim" unmap $((long + size)) "$page" >/dev/null
ask "$victim" fill "$long" "$size" >/dev/null
ask "$victim" save "$long" "$size" "$work/truth" >/dev/null

case_read_small_is_a_hex_dump()
{
	ask "$victim" poke "$text" 48656c6c6f2c20776f726c640a00ff7f41 >/dev/null
	run read "$victim" "$text" 17
	expect_status 0
	expect_output "$(printf '0x%012x  48 65 6c 6c 6f 2c 20 77  6f 72 6c 64 0a 00 ff 7f  |Hello, world....|\n0x%012x  41%48s|A|' \
		"$text" $((text + 16)) '')"
}

case_read_raw_to_stdout_gives_the_very_bytes()
{
	run read "$victim" $((long + 1)) $((size - 1)) --raw
	expect_status 0
	cmp -s "$output" <(tail -c +2 "$work/truth") || fail "other bytes"
}

case_read_long_hex_dump_shows_every_byte()
{
	run read "$victim" "$long" 2M
	expect_status 0
	cmp -s <(cut -c17-65 "$output" | tr -d ' \n') <(head -c 2097152 "$work/truth" | od -An -v -tx1 | tr -d ' \n') ||
		fail "other bytes"
}

case_read_to_file_gives_the_very_bytes()
{
	run read "$victim" "$long" "$size" --raw --output "$work/file"
	expect_status 0
	expect_silence
	cmp -s "$work/file" "$work/truth" || fail "other bytes"
}

case_read_to_file_replaces_it_and_keeps_its_mode()
{
	echo old >"$work/old"
	chmod 640 "$work/old"
	ln -sf old "$work/link"
	run read "$victim" "$text" 1 --raw --output "$work/link"
	expect_status 0
	expect_equal "$(stat -c '%s %a' "$work/old")" "1 640"
	[[ -L $work/link ]] || fail "the link is gone"
}

case_read_failing_long_read_leaves_no_file()
{
	run read "$victim" "$long" $((size + 1)) --raw --output "$work/half"
	expect_complaint 5 "$(printf '0x%x' $((long + size)))"
	[[ ! -e $work/half ]] || fail "a file is there"
	echo old >"$work/old"
	run read "$victim" "$long" $((size + 1)) --raw --output "$work/old"
	expect_complaint 5 "not allocated"
	expect_equal "$(<"$work/old")" old
	expect_equal "$(find "$work" -name '.machvm-*')" ''
}

case_read_failing_read_prints_nothing()
{
	run read "$victim" "$long" $((size + 1))
	expect_complaint 5 "$(printf '0x%x' $((long + size)))"
	run read "$victim" "$long" $((size + 1)) --json
	expect_complaint 5 "not allocated"
	run read "$victim" 0x10 --as u32
	expect_complaint 5 "0x10"
	ask "$victim" protect $((long + 4 * 1048576)) "$page" none >/dev/null
	run read "$victim" "$long" "$size" --raw
	expect_complaint 6 "$(printf '0x%x' $((long + 4 * 1048576)))"
	ask "$victim" protect $((long + 4 * 1048576)) "$page" rw >/dev/null
}

case_read_force_reads_what_the_victim_may_not()
{
	ask "$victim" protect "$long" "$page" none >/dev/null
	run read "$victim" "$long" 4M --raw --force
	expect_status 0
	cmp -s "$output" <(head -c 4194304 "$work/truth") || fail "other bytes"
	ask "$victim" protect "$long" "$page" rw >/dev/null
}

case_read_typed_prints_values()
{
	ask "$victim" poke "$text" feff000000000080cdcc8c3f9a9999999999f13f >/dev/null
	run read "$victim" "$text" --as u16
	expect_output 65534
	run read "$victim" "$text" --as i16 2
	expect_output "$(printf '%s\n' -2 0)"
	run read "$victim" $((text + 4)) --as i32 --count 1
	expect_output -2147483648
	run read "$victim" "$text" --as u64
	expect_output 9223372036854841342
	run read "$victim" "$text" --as ptr
	expect_output 0x800000000000fffe
	run read "$victim" $((text + 8)) --as f32
	expect_output 1.1
	run read "$victim" $((text + 12)) --as f64
	expect_output 1.1
	run read "$victim" "$text" --as hex 18
	expect_output "$(printf 'fe ff 00 00 00 00 00 80 cd cc 8c 3f 9a 99 99 99\n99 99')"
	expect_status 0
}

case_read_typed_json_is_json()
{
	ask "$victim" poke "$text" feffffffffffffff0000c07f616222c30a0078797a00 >/dev/null
	run read "$victim" "$text" --as u64 --json
	expect_equal "$(jq -c . "$output" 2>&1 | cut -c1-20)" '{"address":"0x'"$(cut -c3-8 <<<"$text")"
	expect_match '"values": \[ 18446744073709551614 \]'
	run read "$victim" $((text + 8)) --as f32 --json
	expect_equal "$(jq -c .values "$output")" '["nan"]'
	run read "$victim" $((text + 12)) --as str 2 --json
	expect_equal "$(jq -c .values "$output")" '["ab\"�\n","xyz"]'
	run read "$victim" "$text" 3 --json
	expect_equal "$(jq -c '[.address, .size, .hex]' "$output")" "[\"$text\",3,\"feffff\"]"
}

case_read_string_ends_at_the_null_byte()
{
	# The null is the last byte that can be read.
	local last
	last=$(($(ask "$victim" map $((2 * page))) + page - 5))
	ask "$victim" unmap $((last + 5)) "$page" >/dev/null
	ask "$victim" poke "$last" 61095c6200 >/dev/null
	run read "$victim" "$last" --as str
	expect_status 0
	expect_output 'a\x09\\b'
	ask "$victim" poke $((last + 4)) 41 >/dev/null
	run read "$victim" "$last" --as str
	expect_complaint 5 "not allocated"
}

case_read_wrong_words_is_status_2()
{
	run read "$victim" "$text"
	expect_complaint 2 'too few words'
	run read "$victim" "$text" 4 5
	expect_complaint 2 'one word too many'
	run read "$victim" "$text" 4 --as float
	expect_complaint 2 'float is no type'
	run read "$victim" "$text" 4 --raw --json
	expect_complaint 2 'exclude'
	run read "$victim" "$text" 4x
	expect_complaint 2 'not a number'
	run read "$victim" "$text" 99999999999G
	expect_complaint 2 'does not fit'
	run read "$victim" "$text" --as u64 4000000000G
	expect_complaint 2 'more than fit'
	run read "$victim" "$text" 0
	expect_complaint 1 'nothing to read'
}

case_read_closed_pipe_says_so()
{
	local reader
	mkfifo "$work/pipe"
	# The reader takes one byte and closes.
	head -c 1 <"$work/pipe" >/dev/null &
	reader=$!
	"$machvm" read "$victim" "$long" "$size" --raw >"$work/pipe" 2>"$work/errors"
	status=$?
	wait "$reader"
	rm "$work/pipe"
	output=/dev/null errors=$work/errors
	expect_complaint 9 'standard output was closed'
}

case_read_full_disk_is_status_8()
{
	errors=$work/errors output=/dev/null
	"$machvm" read "$victim" "$long" 1M >/dev/full 2>"$errors"
	status=$?
	expect_complaint 8 'No space left'
	run read "$victim" "$long" 1M --output /dev/full
	expect_complaint 8 'No space left'
}

case_read_closed_stdout_is_status_9()
{
	errors=$work/errors output=/dev/null
	"$machvm" read "$victim" "$text" 4 >&- 2>"$errors"
	status=$?
	expect_complaint 9 'standard output'
}

case_read_into_missing_directory_is_status_9()
{
	run read "$victim" "$text" 4 --output "$work/none/file"
	expect_complaint 9 'No such file'
}

case_read_interrupted_leaves_no_file()
{
	local vast pid written=0
	vast=$(ask "$victim" map $((1 << 36)))
	echo old >"$work/vast"
	# A shell gives its background processes an ignored SIGINT.
	env --default-signal=INT "$machvm" read "$victim" "$vast" 64G --raw --output "$work/vast" \
		>"$work/output" 2>"$work/errors" &
	pid=$!
	# It is in the middle as soon as it has written something.
	while ((written < 1 << 20)) && kill -0 "$pid" 2>/dev/null; do
		written=$(awk '/^wchar/ {print $2}' "/proc/$pid/io" 2>/dev/null || echo 0)
	done
	kill -INT "$pid"
	wait "$pid"
	status=$? output=$work/output errors=$work/errors
	expect_complaint 9 "interrupted; .*vast is left as it was"
	expect_equal "$(<"$work/vast")" old
	expect_equal "$(find "$work" -name '.machvm-*')" ''
	expect_equal "$(ask "$victim" peek "$text" 0)" ''
	ask "$victim" unmap "$vast" $((1 << 36)) >/dev/null
}

case_read_interrupted_in_a_full_pipe_ends()
{
	local pid first
	mkfifo "$work/pipe"
	env --default-signal=INT "$machvm" read "$victim" "$long" "$size" --raw >"$work/pipe" 2>"$work/errors" &
	pid=$!
	exec {reader}<"$work/pipe"
	LC_ALL=C IFS= read -r -N 1 first <&"$reader"
	kill -INT "$pid"
	wait "$pid"
	status=$? output=/dev/null errors=$work/errors
	exec {reader}<&-
	rm "$work/pipe"
	expect_complaint 9 'interrupted'
}

case_read_without_descriptors_is_status_8()
{
	errors=$work/errors output=$work/output
	prlimit --nofile=4 "$machvm" read "$victim" "$text" 4 >"$output" 2>"$errors"
	status=$?
	expect_complaint 8 'Too many open files|descriptor'
}

run_cases
