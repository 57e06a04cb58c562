#!/bin/bash
# SPDX-License-Identifier: MIT
# machvm write and machvm copy, on a victim that says what it finds in its memory.
. "$(dirname "$0")/harness.sh"

victim_start victim "$VICTIM"
counter=$(ask "$victim" where counter)
text=$(ask "$victim" where text)
page=$(getconf PAGESIZE)

# Two pages, the second one without a successor.
two=$(ask "$victim" map $((3 * page)))
ask "$victim" unmap $((two + 2 * page)) "$page" >/dev/null

peek()
{
	ask "$victim" peek "$@"
}

case_write_u64_changes_the_victim_and_prints_nothing()
{
	run write "$victim" "$counter" u64:0x1122334455667788
	expect_status 0
	expect_silence
	expect_equal "$(peek "$counter" 8)" 8877665544332211
}

case_write_every_type_stores_its_bytes()
{
	run write "$victim" "$text" u8:255 i8:-1 u16:258 i16:-2 u32:4294967295 i32:-2147483648 \
		i64:-1 f32:1.5 f64:-2.25 ptr:0x7f0000001000 str:abc hex:deadBEEF
	expect_status 0
	expect_equal "$(peek "$text" 49)" \
		ffff0201feffffffffff00000080ffffffffffffffff0000c03f00000000000002c000100000007f0000616263deadbeef
}

case_write_hex_unquoted_goes_on_over_words()
{
	run write "$victim" "$text" hex:de ad 'be ef' str:x
	expect_status 0
	expect_equal "$(peek "$text" 5)" deadbeef78
}

case_write_pointer_to_a_symbol_stores_its_address()
{
	run write "$victim" "$text" ptr:counter+8
	expect_status 0
	expect_equal "$(peek "$text" 8)" "$(printf '%016x' $((counter + 8)) | sed 's/../& /g' | tr ' ' '\n' | tac | tr -d '\n')"
}

case_write_at_symbol_changes_that_variable()
{
	run write "$victim" counter+4 u32:0xcafebabe
	expect_status 0
	expect_equal "$(peek $((counter + 4)) 4)" bebafeca
}

case_write_verbose_and_json_report_the_write()
{
	run write "$victim" "$counter" u8:1 -v --json
	expect_status 0
	expect_equal "$(jq -r '"\(.pid) \(.address) \(.size)"' "$output")" "$victim $counter 1"
	[[ $(<"$errors") == *"1 bytes are written at $counter"* ]] || fail "no report"
}

case_write_from_file_writes_all_of_it()
{
	ask "$victim" fill "$two" $((2 * page)) >/dev/null
	ask "$victim" save "$two" $((2 * page)) "$work/before" >/dev/null
	tr '\000-\377' '\001-\377\000' <"$work/before" >"$work/patch"
	run write "$victim" "$two" --input "$work/patch"
	expect_status 0
	ask "$victim" save "$two" $((2 * page)) "$work/after" >/dev/null
	cmp -s "$work/patch" "$work/after" || fail "the victim holds other bytes"
}

case_write_from_stdin_with_size_takes_the_first_bytes()
{
	run write "$victim" "$text" --input - --size 3 < <(printf ABCDEF)
	run write "$victim" $((text + 3)) --input - < <(printf xyz)
	expect_status 0
	expect_equal "$(peek "$text" 6)" 41424378797a
}

# Runs a write that must fail and leave two pages as they were.
refuse()
{
	local wanted=$1 pattern=$2
	shift 2
	ask "$victim" save "$two" $((2 * page)) "$work/before" >/dev/null
	run "$@"
	expect_complaint "$wanted" "$pattern"
	ask "$victim" save "$two" $((2 * page)) "$work/after" >/dev/null
	cmp -s "$work/before" "$work/after" || fail "memory is changed"
}

case_write_short_file_changes_nothing()
{
	printf abc >"$work/short"
	refuse 2 'has 3 bytes only, 4 were asked for' write "$victim" "$two" --input "$work/short" --size 4
	refuse 2 'standard input has 3 bytes only' write "$victim" "$two" --input - --size 1K <"$work/short"
}

case_write_missing_file_changes_nothing()
{
	refuse 9 'No such file' write "$victim" "$two" --input "$work/none"
}

case_write_empty_file_says_nothing_is_changed()
{
	refuse 1 'no bytes to write' write "$victim" "$two" --input /dev/null
	refuse 1 'no bytes to write' write "$victim" "$two" str:
}

case_write_value_too_large_changes_nothing()
{
	refuse 2 '256 does not fit: u8 holds 0 to 255' write "$victim" "$two" u8:1 u8:256
	refuse 2 '128 does not fit: i8 holds -128 to 127' write "$victim" "$two" i8:128
	refuse 2 '-1 does not fit: u32 holds 0 to 4294967295' write "$victim" "$two" u32:-1
	refuse 2 'does not fit: u64 holds' write "$victim" "$two" u64:18446744073709551616
	refuse 2 'does not fit: f32 holds' write "$victim" "$two" f32:1e39
}

case_write_malformed_value_changes_nothing()
{
	refuse 2 '1234 has no type' write "$victim" "$two" 1234
	refuse 2 'u33:1 has no type' write "$victim" "$two" u33:1
	refuse 2 'two digits each' write "$victim" "$two" hex:abc
	refuse 2 '[?][?] is for find' write "$victim" "$two" 'hex:de ?? ad'
	refuse 2 'not a number' write "$victim" "$two" u8:x
	refuse 2 'two ways' write "$victim" "$two" u32:010
}

case_write_wrong_words_changes_nothing()
{
	refuse 2 'too few words' write "$victim" "$two"
	refuse 2 'one word too many' write "$victim" "$two" u8:1 --input /dev/null
	refuse 2 'goes with --input' write "$victim" "$two" u8:1 --size 1
	refuse 2 '--frce is no option' write "$victim" "$two" u8:1 --frce
	refuse 2 '-z is no option' write "$victim" "$two" u8:1 --json -vz
	refuse 2 '--json=3: this option takes no argument' write "$victim" "$two" u8:1 --json=3
	refuse 2 '-i needs an argument' write "$victim" "$two" -vi
	refuse 2 'needs an argument' write "$victim" "$two" --input
}

case_write_unmapped_address_is_status_5()
{
	refuse 5 "0x10 is not allocated" write "$victim" 0x10 u8:1
	refuse 5 "$(printf '0x%x' $((two + 2 * page)))" write "$victim" $((two + 2 * page - 4)) u64:1
	refuse 5 'not allocated|address' write "$victim" 0xffff800000000000 u8:1
	refuse 5 'wraps|address' write "$victim" 0xffffffffffffffff u16:1
}

case_write_read_only_page_is_status_6()
{
	ask "$victim" protect $((two + page)) "$page" r >/dev/null
	refuse 6 "$(printf '0x%x' $((two + page))).*r--.*--force" write "$victim" $((two + page - 2)) u32:1
	ask "$victim" protect $((two + page)) "$page" rw >/dev/null
}

case_write_force_reaches_a_read_only_page()
{
	ask "$victim" protect "$two" "$page" r >/dev/null
	run write "$victim" "$two" u32:0x01020304 --force
	expect_status 0
	expect_equal "$(peek "$two" 4)" 04030201
	ask "$victim" protect "$two" "$page" rw >/dev/null
}

case_write_transaction_writes_and_refuses_the_same()
{
	run write "$victim" "$two" u32:0x0a0b0c0d --transaction --nowait
	expect_status 0
	expect_equal "$(peek "$two" 4)" 0d0c0b0a
	refuse 5 'not allocated' write "$victim" $((two + 2 * page - 4)) u64:1 --transaction
}

case_write_beyond_end_of_file_is_status_7()
{
	local mapped
	head -c 100 /dev/zero >"$work/file"
	mapped=$(ask "$victim" file "$work/file" $((2 * page)))
	refuse 7 "$(printf '0x%x' $((mapped + page)))" write "$victim" $((mapped + page - 2)) u32:1
	expect_equal "$(peek $((mapped + page - 2)) 2)" 0000
	ask "$victim" unmap "$mapped" $((2 * page)) >/dev/null
}

case_write_secret_memory_is_status_7()
{
	local secret
	secret=$(ask "$victim" secret)
	[[ $secret != no ]] || {
		skip 'memfd_secret is not enabled'
		return
	}
	refuse 7 "$secret" write "$victim" "$secret" u32:1
	expect_equal "$(peek "$secret" 4)" 5a5a5a5a
}

case_copy_moves_bytes_inside_the_victim()
{
	ask "$victim" poke "$two" 0102030405060708 >/dev/null
	run copy "$victim" "$two" 8 $((two + 100))
	expect_status 0
	expect_silence
	expect_equal "$(peek $((two + 100)) 8)" 0102030405060708
}

case_copy_overlapping_behaves_like_memmove()
{
	ask "$victim" poke "$two" 0102030405060708 >/dev/null
	run copy "$victim" "$two" 6 $((two + 2)) --json
	expect_status 0
	expect_equal "$(jq -r '"\(.source) \(.size) \(.destination)"' "$output")" \
		"$two 6 $(printf '0x%x' $((two + 2)))"
	expect_equal "$(peek "$two" 8)" 0102010203040506
}

case_copy_with_flags_gives_the_same_bytes()
{
	ask "$victim" poke "$two" 1112131415161718 >/dev/null
	ask "$victim" protect $((two + page)) "$page" r >/dev/null
	run copy "$victim" "$two" 8 $((two + page)) --force --transaction
	expect_status 0
	expect_equal "$(peek $((two + page)) 8)" 1112131415161718
	ask "$victim" protect $((two + page)) "$page" rw >/dev/null
}

case_copy_refused_changes_nothing()
{
	refuse 5 "not allocated" copy "$victim" 0x10 8 "$two"
	refuse 5 "$(printf '0x%x' $((two + 2 * page)))" copy "$victim" "$two" 16 $((two + 2 * page - 8))
	refuse 1 'nothing is changed' copy "$victim" "$two" 0 "$two"
	refuse 2 'too few words' copy "$victim" "$two" 8
	refuse 2 'not a number' copy "$victim" "$two" lots "$two"
	ask "$victim" protect $((two + page)) "$page" none >/dev/null
	run copy "$victim" $((two + page)) 8 "$two"
	expect_complaint 6 "$(printf '0x%x' $((two + page)))"
	ask "$victim" protect $((two + page)) "$page" rw >/dev/null
}

run_cases
