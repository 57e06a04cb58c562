#!/bin/bash
# SPDX-License-Identifier: MIT
# machvm find: every match that the victim planted, and no other.
. "$(dirname "$0")/harness.sh"

victim_start victim "$VICTIM"
page=$(getconf PAGESIZE)
mebibyte=1048576
size=$((4 * mebibyte))
arena=$(ask "$victim" map $((size + page)))
ask "$victim" unmap $((arena + size)) "$page" >/dev/null
end=$((arena + size))
range=$(printf '0x%x-0x%x' "$arena" "$end")

plant()
{
	ask "$victim" poke "$1" "$2" >/dev/null
}

clear_arena()
{
	ask "$victim" unmap "$arena" "$size" >/dev/null
	arena=$(ask "$victim" map $((size + page)))
	ask "$victim" unmap $((arena + size)) "$page" >/dev/null
	end=$((arena + size))
	range=$(printf '0x%x-0x%x' "$arena" "$end")
}

# The matches are exactly these offsets of the arena.
expect_matches()
{
	local offset wanted=()
	for offset in "$@"; do
		wanted+=("$(printf '0x%x' $((arena + offset)))")
	done
	expect_equal "$(awk '{print $1}' "$output" | paste -sd' ')" "${wanted[*]}"
}

case_find_text_prints_address_first_and_once()
{
	plant $((arena + 77)) 6e6565646c65
	run find "$victim" str:needle --range "$range"
	expect_status 0
	expect_matches 77
	expect_equal "$(grep -o '0x[0-9a-fA-F]' "$output" | wc -l)" 1
	expect_match 'rw-p  .*[+]77$'
	clear_arena
}

case_find_nothing_is_status_1()
{
	run find "$victim" hex:a1b2c3d4e5f60718 --range "$range"
	expect_status 1
	expect_silence
	run find "$victim" hex:a1b2c3d4e5f60718 --range "$range" --json
	expect_status 1
	expect_output '[]'
}

case_find_overlapping_matches_are_all_found()
{
	plant $((arena + 10)) 6161616161
	run find "$victim" str:aaa --range "$range"
	expect_matches 10 11 12
	clear_arena
}

case_find_across_pieces_finds_every_position()
{
	# Whatever piece size is used, some border of the arena is at one of these.
	local border offset wanted=()
	for border in $((mebibyte / 4)) $((mebibyte / 2)) $mebibyte $((2 * mebibyte)) $((3 * mebibyte)); do
		for offset in -7 -1 0 9; do
			plant $((arena + border + offset * 16 + offset)) f1e2d3c4b5a69788
			wanted+=($((border + offset * 16 + offset)))
		done
	done
	plant "$arena" f1e2d3c4b5a69788
	plant $((end - 8)) f1e2d3c4b5a69788
	run find "$victim" hex:f1e2d3c4b5a69788 --range "$range"
	expect_matches 0 "${wanted[@]}" $((size - 8))
	clear_arena
}

case_find_across_piece_border_byte_by_byte()
{
	local offset wanted=()
	for offset in 1 2 3 4 5 6 7; do
		plant $((arena + mebibyte - offset)) 7170
		plant $((arena + mebibyte - offset)) f1e2d3c4b5a69788
		run find "$victim" hex:f1e2d3c4b5a69788 --range "$range"
		expect_matches $((mebibyte - offset))
		plant $((arena + mebibyte - offset)) 0000000000000000
	done
	clear_arena
}

case_find_across_region_border_finds_the_match()
{
	# Three regions that touch; the middle one is a page.
	ask "$victim" protect $((arena + page)) "$page" r >/dev/null
	ask "$victim" protect "$arena" $((2 * page)) rw >/dev/null
	plant $((arena + page - 3)) 112233445566
	plant $((arena + 2 * page - 1)) 112233445566
	ask "$victim" protect $((arena + page)) "$page" r >/dev/null
	run find "$victim" hex:112233445566 --range "$range"
	expect_matches $((page - 3)) $((2 * page - 1))
	# A pattern longer than the middle region.
	run find "$victim" "hex:11$(printf ' ??%.0s' $(seq $((page + 1)))) 11" --range "$range"
	expect_matches $((page - 3))
	# Left out, the middle region parts the others.
	run find "$victim" hex:112233445566 --range "$range" --perm rw
	expect_status 1
	clear_arena
}

case_find_wildcards_match_any_byte()
{
	plant $((arena + 100)) deadbeef
	plant $((arena + 200)) de00beef
	plant $((arena + 300)) de00beee
	run find "$victim" 'hex:de ?? be ef' --range "$range"
	expect_matches 100 200
	run find "$victim" hex:de '??' be ef --range "$range"
	expect_matches 100 200
	run find "$victim" 'hex:?? be e?' --range "$range"
	expect_complaint 2 'any byte'
	run find "$victim" 'hex:?? ??' --range "$range"
	expect_complaint 2 'no byte to look for'
	run find "$victim" str: --range "$range"
	expect_complaint 2 'no byte to look for'
	clear_arena
}

case_find_typed_values_and_sequences()
{
	plant $((arena + 64)) 39300000000000000000c03f
	run find "$victim" u32:12345 --range "$range"
	expect_matches 64
	run find "$victim" u64:12345 f32:1.5 --range "$range"
	expect_matches 64
	run find "$victim" i32:-1 --range "$range"
	expect_status 1
	run find "$victim" 12345 --range "$range"
	expect_complaint 2 'has no type'
	clear_arena
}

case_find_pointer_finds_who_points_there()
{
	run find "$victim" ptr:counter --aligned
	expect_match "$(ask "$victim" where pointer)  rw-p"
}

case_find_aligned_passes_over_odd_places()
{
	plant $((arena + 401)) 78563412
	plant $((arena + 500)) 78563412
	plant $((arena + 512)) 78563412
	run find "$victim" u32:0x12345678 --range "$range"
	expect_matches 401 500 512
	run find "$victim" u32:0x12345678 --range "$range" --aligned
	expect_matches 500 512
	run find "$victim" u32:0x12345678 --range "$range" --aligned=16
	expect_matches 512
	clear_arena
}

case_find_limit_stops_after_so_many()
{
	plant $((arena + 10)) 6161616161
	run find "$victim" str:aa --range "$range" --limit 3
	expect_status 0
	expect_matches 10 11 12
	clear_arena
}

case_find_perm_and_name_choose_regions()
{
	ask "$victim" protect $((arena + page)) "$page" rw >/dev/null
	plant $((arena + page)) 9192939495
	plant $((arena + mebibyte)) 9192939495
	ask "$victim" protect $((arena + page)) "$page" r >/dev/null
	run find "$victim" hex:9192939495 --perm r-- --range "$range"
	expect_matches "$page"
	run find "$victim" hex:9192939495 --perm rw --range "$range"
	expect_matches $mebibyte
	run find "$victim" hex:9192939495 --perm '?w?' --range "$range"
	expect_matches $mebibyte
	run find "$victim" hex:9192939495 --perm rq --range "$range"
	expect_complaint 2 'not a set of protections'
	if [[ $(ask "$victim" name $((arena + mebibyte)) $((2 * page)) 'odd 0x12 name') == no ]]; then
		# A kernel without names of anonymous memory.
		clear_arena
		return
	fi
	ask "$victim" name $((arena + mebibyte)) $((2 * page)) odd-0x12 >/dev/null
	run find "$victim" hex:9192939495 --name '[anon:odd*]'
	expect_matches $mebibyte
	expect_match '[[]anon:odd-0\\17012[]][+]0$'
	run find "$victim" hex:9192939495 --range '[anon:odd-0x12]+4K'
	expect_matches $mebibyte
	run find "$victim" hex:9192939495 --range '[anon:odd-0x12]'
	expect_matches $mebibyte
	clear_arena
}

case_find_range_bounds_are_exact()
{
	plant $((arena + 1000)) 0102030405060708
	run find "$victim" hex:0102030405060708 --range "$(printf '0x%x' $((arena + 1000)))+8"
	expect_matches 1000
	run find "$victim" hex:0102030405060708 --range "$(printf '0x%x' $((arena + 1000)))+7"
	expect_status 1
	run find "$victim" hex:0102030405060708 --range "$(printf '0x%x' $((arena + 1001)))+100"
	expect_status 1
	run find "$victim" hex:0102030405060708 --range "$(printf '0x%x-0x%x' $((arena + 8)) $((arena + 8)))"
	expect_complaint 2 'empty'
	run find "$victim" hex:0102030405060708 --range nonsense
	expect_complaint 2 'is not a range'
	clear_arena
}

case_find_passes_over_unreadable_pages()
{
	local mapped
	# The second half of a mapped file is beyond its end; the third page is a hole.
	head -c $((2 * page)) /dev/zero >"$work/file"
	mapped=$(ask "$victim" file "$work/file" $((64 * page)))
	plant $((mapped + 2 * page - 6)) b7c1e9f2a4d8
	ask "$victim" protect $((arena + 2 * page)) "$page" none >/dev/null
	plant $((arena + 3 * page)) b7c1e9f2a4d8
	run find "$victim" hex:b7c1e9f2a4d8
	expect_status 0
	expect_equal "$(awk '{print $1}' "$output" | sort | paste -sd' ')" \
		"$(printf '0x%x\n' $((mapped + 2 * page - 6)) $((arena + 3 * page)) | sort | paste -sd' ')"
	[[ ! -s $errors ]] || fail "something is said"
	run find "$victim" hex:b7c1e9f2a4d8 -v --range "$(printf '0x%x+256K' "$mapped")"
	[[ $(<"$errors") == *"8.0 KiB were searched, 248.0 KiB could not be read; matches: 1" ]] || fail "the count is missing"
	ask "$victim" unmap "$mapped" $((64 * page)) >/dev/null
	clear_arena
}

case_find_force_looks_where_the_victim_may_not()
{
	plant $((arena + 5)) d1d2d3d4d5
	ask "$victim" protect "$arena" "$page" none >/dev/null
	run find "$victim" hex:d1d2d3d4d5 --range "$range"
	expect_status 1
	run find "$victim" hex:d1d2d3d4d5 --range "$range" --force
	expect_matches 5
	clear_arena
}

case_find_leaves_untouched_memory_alone()
{
	local vast tables middle
	vast=$(ask "$victim" map $((1 << 32)))
	middle=$((vast + (1 << 31)))
	plant $((middle - 2)) a1f4
	plant $((middle + 64 * page)) d7e60b
	plant $((middle + 80 * page - 3)) d7e60b
	tables=$(awk '/^VmPTE/ {print $2}' "/proc/$victim/status")
	# Zeros that were never stored belong to a match as well as others.
	run find "$victim" "hex:00 00 a1 f4 00 00" --range "$(printf '0x%x+4G' "$vast")"
	expect_status 0
	expect_equal "$(awk '{print $1}' "$output")" "$(printf '0x%x' $((middle - 4)))"
	run find "$victim" "hex:00 d7 e6 0b 00" --range "$(printf '0x%x+4G' "$vast")"
	expect_equal "$(awk '{print $1}' "$output" | paste -sd' ')" \
		"$(printf '0x%x 0x%x' $((middle + 64 * page - 1)) $((middle + 80 * page - 4)))"
	run find "$victim" "hex:00 d7 e6 0b$(printf ' 00%.0s' $(seq 9000))" --range "$(printf '0x%x+4G' "$vast")"
	expect_equal "$(awk '{print $1}' "$output" | paste -sd' ')" \
		"$(printf '0x%x 0x%x' $((middle + 64 * page - 1)) $((middle + 80 * page - 4)))"
	expect_equal "$(awk '/^VmPTE/ {print $2}' "/proc/$victim/status")" "$tables"
	# Zeros alone are found there too.
	run find "$victim" u64:0 --range "$(printf '0x%x+64' $((vast + 4096)))" --limit 2
	expect_equal "$(wc -l <"$output")" 2
	ask "$victim" unmap "$vast" $((1 << 32)) >/dev/null
}

case_find_json_lists_matches_with_their_regions()
{
	plant $((arena + 20)) e1e2e3e4e5e1e2e3e4e5
	run find "$victim" hex:e1e2e3e4e5 --range "$range" --json
	expect_equal "$(jq -c '[.[].address]' "$output")" \
		"$(printf '["0x%x","0x%x"]' $((arena + 20)) $((arena + 25)))"
	expect_equal "$(jq -r '.[0].region.protection' "$output")" rw-
	clear_arena
}

case_find_result_feeds_a_write()
{
	plant $((arena + 33)) 736563726574
	run find "$victim" str:secret --range "$range"
	run write "$victim" "$(awk '{print $1}' "$output")" str:public
	expect_status 0
	expect_equal "$(ask "$victim" peek $((arena + 33)) 6)" 7075626c6963
	clear_arena
}

case_find_closed_pipe_says_so()
{
	local reader
	plant "$arena" "$(printf 'ee%.0s' $(seq 2000))"
	mkfifo "$work/pipe"
	head -c 1 <"$work/pipe" >/dev/null &
	reader=$!
	"$machvm" find "$victim" hex:eeee --range "$range" >"$work/pipe" 2>"$work/errors"
	status=$? errors=$work/errors output=/dev/null
	wait "$reader"
	rm "$work/pipe"
	expect_complaint 9 'standard output was closed'
	clear_arena
}

case_find_wrong_words_is_status_2()
{
	run find "$victim"
	expect_complaint 2 'too few words'
	run find "$victim" u8:1 --limit x
	expect_complaint 2 'the limit x'
	run find "$victim" u8:1 --limit 0
	expect_complaint 2 'the limit is 0'
	run find "$victim" u8:1 --aligned=0
	expect_complaint 2 'the alignment is 0'
	run find "$victim" u8:300
	expect_complaint 2 'does not fit'
}

run_cases
