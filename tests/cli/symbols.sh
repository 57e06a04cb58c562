#!/bin/bash
# SPDX-License-Identifier: MIT
# ADDRESS on the command line, against the addresses that the victim gives itself.
. "$(dirname "$0")/harness.sh"

victim_start victim "$VICTIM"
counter=$(ask "$victim" where counter)

# The address that ADDRESS comes to.
resolve()
{
	run read "$1" "$2" 1 --json
	expect_status 0
	jq -r .address "$output" 2>/dev/null
}

case_address_symbol_of_a_pie_is_right()
{
	expect_equal "$(resolve "$victim" counter)" "$counter"
	expect_equal "$(resolve "$victim" counter+8)" "$(printf '0x%x' $((counter + 8)))"
	expect_equal "$(resolve "$victim" counter-0x10)" "$(printf '0x%x' $((counter - 16)))"
	expect_equal "$(resolve "$victim" hidden)" "$(ask "$victim" where hidden)"
}

case_address_symbol_of_a_fixed_program_is_right()
{
	local fixed
	victim_start fixed "$VICTIM_FIXED"
	expect_equal "$(resolve "$fixed" counter)" "$(ask "$fixed" where counter)"
	expect_equal "$(resolve "$fixed" hidden)" "$(ask "$fixed" where hidden)"
	victim_stop "$fixed"
}

case_address_symbol_of_a_library_is_right()
{
	expect_equal "$(resolve "$victim" libc:environ)" "$(ask "$victim" where environ)"
	expect_equal "$(resolve "$victim" libc.so.6:puts)" "$(ask "$victim" where puts)"
	expect_equal "$(resolve "$victim" puts)" "$(ask "$victim" where puts)"
}

case_address_module_offset_counts_from_its_first_byte()
{
	local start
	start=$(awk -v p="$(realpath "$VICTIM")" '$6 == p {split($1, a, "-"); print a[1]; exit}' "/proc/$victim/maps")
	expect_equal "$(resolve "$victim" "$(basename "$VICTIM")+0x10")" "$(printf '0x%x' $((0x$start + 16)))"
	start=$(awk '$6 ~ /\/libc\.so/ {split($1, a, "-"); print a[1]; exit}' "/proc/$victim/maps")
	expect_equal "$(resolve "$victim" libc.so.6+1)" "$(printf '0x%x' $((0x$start + 1)))"
	expect_equal "$(resolve "$victim" libc+1)" "$(printf '0x%x' $((0x$start + 1)))"
}

case_address_module_may_be_the_command_name()
{
	local start linked
	ln -s "$VICTIM" "$work/by-link"
	victim_start linked "$work/by-link"
	start=$(awk -v p="$(realpath "$VICTIM")" '$6 == p {split($1, a, "-"); print a[1]; exit}' "/proc/$linked/maps")
	expect_equal "$(resolve "$linked" by-link+0x20)" "$(printf '0x%x' $((0x$start + 32)))"
	expect_equal "$(resolve "$linked" by-link:counter)" "$(ask "$linked" where counter)"
	victim_stop "$linked"
}

case_address_named_regions_count_from_their_first_byte()
{
	local region start page arena
	for region in '[stack]' '[vdso]'; do
		start=$(awk -v r="$region" '$6 == r {split($1, a, "-"); print a[1]; exit}' "/proc/$victim/maps")
		expect_equal "$(resolve "$victim" "$region+16")" "$(printf '0x%x' $((0x$start + 16)))"
	done
	page=$(getconf PAGESIZE)
	arena=$(ask "$victim" map $((4 * page)))
	[[ $(ask "$victim" name "$arena" "$page" arena-1) == ok ]] || return
	expect_equal "$(resolve "$victim" '[anon:arena-1]+1')" "$(printf '0x%x' $((arena + 1)))"
	ask "$victim" name $((arena + 2 * page)) "$page" arena-1 >/dev/null
	run read "$victim" '[anon:arena-1]' 1
	expect_complaint 2 '2 separate regions'
	ask "$victim" unmap "$arena" $((4 * page)) >/dev/null
}

case_address_symbol_of_the_vdso_is_inside_it()
{
	local address start end
	address=$(resolve "$victim" '[vdso]:__vdso_clock_gettime')
	read -r start end < <(awk '$6 == "[vdso]" {split($1, a, "-"); print a[1], a[2]}' "/proc/$victim/maps")
	((address > 0x$start && address < 0x$end)) || fail "$address is not in the vDSO"
}

case_address_unknown_is_status_5()
{
	run read "$victim" no_such_symbol 4
	expect_complaint 5 'has no symbol and maps no file called no_such_symbol'
	run read "$victim" libc:no_such_symbol 4
	expect_complaint 5 'no symbol no_such_symbol'
	run read "$victim" libnone:puts 4
	expect_complaint 5 'maps no file called libnone'
	run read "$victim" '[none]' 4
	expect_complaint 5 'no region \[none\]'
}

case_address_malformed_is_status_2()
{
	run read "$victim" 0x 4
	expect_complaint 2 'not a number'
	run read "$victim" 7ffc00 4
	expect_complaint 2 'write 0x7ffc00 for hexadecimal'
	run read "$victim" 0x11112222333344445 4
	expect_complaint 2 'does not fit'
	run read "$victim" libc: 4
	expect_complaint 2 'MODULE:SYMBOL'
	run read "$victim" '[heap' 4
	expect_complaint 2 'ends with'
	run read "$victim" '' 4
	expect_complaint 2 'ADDRESS is empty'
	run read "$victim" counter-0xffffffffffffffff 4
	expect_complaint 2 'too large'
}

case_address_thread_local_says_so()
{
	run read "$victim" own 4
	expect_complaint 5 'thread-local'
}

case_address_symbol_from_separate_debug_file_by_link()
{
	local stripped
	cp "$VICTIM" "$work/stripped"
	objcopy --only-keep-debug "$work/stripped" "$work/symbols.kept"
	strip --remove-section=.note.gnu.build-id "$work/stripped"
	victim_start stripped "$work/stripped"
	run read "$stripped" hidden 4
	expect_complaint 5 'hidden'
	victim_stop "$stripped"
	(cd "$work" && objcopy --add-gnu-debuglink=symbols.kept stripped)
	victim_start stripped "$work/stripped"
	expect_equal "$(resolve "$stripped" hidden)" "$(ask "$stripped" where hidden)"
	victim_stop "$stripped"
}

# Opening a pipe waits for its other end, which never comes.
case_debug_file_that_is_no_file_is_not_opened()
{
	local trapped name
	for name in symbols.trap trapped.debug; do
		cp "$VICTIM" "$work/trapped"
		strip --remove-section=.note.gnu.build-id "$work/trapped"
		if [[ $name == symbols.trap ]]; then
			echo debug >"$work/$name"
			(cd "$work" && objcopy --add-gnu-debuglink=symbols.trap trapped)
			rm "$work/$name"
		fi
		mkfifo "$work/$name"
		victim_start trapped "$work/trapped"
		run read "$trapped" hidden 4
		expect_complaint 5 'hidden'
		victim_stop "$trapped"
		rm "$work/$name"
	done
}

case_address_symbol_from_separate_debug_file_by_build_id()
{
	local stripped id directory
	id=$(readelf -n "$VICTIM" | awk '/Build ID/ {print $3}')
	directory=/usr/lib/debug/.build-id/${id:0:2}
	if [[ ! $id ]] || ((EUID)) || [[ -e $directory/${id:2}.debug ]] || ! mkdir -p "$directory"; then
		skip 'needs a build-id and a writable /usr/lib/debug'
		return
	fi
	cp "$VICTIM" "$work/by-id"
	objcopy --only-keep-debug "$work/by-id" "$directory/${id:2}.debug"
	strip "$work/by-id"
	victim_start stripped "$work/by-id"
	expect_equal "$(resolve "$stripped" hidden)" "$(ask "$stripped" where hidden)"
	victim_stop "$stripped"
	rm "$directory/${id:2}.debug"
	rmdir -p --ignore-fail-on-non-empty "$directory"
}

case_address_symbol_of_a_deleted_program_is_right_and_said()
{
	local gone
	cp "$VICTIM" "$work/gone"
	victim_start gone "$work/gone"
	rm "$work/gone"
	expect_equal "$(resolve "$gone" counter)" "$(ask "$gone" where counter)"
	[[ $(<"$errors") == *"gone was deleted or replaced after"*"the file that is still mapped" ]] || fail 'nothing is said'
	victim_stop "$gone"
}

case_address_symbol_of_a_replaced_program_is_the_running_ones()
{
	local old
	cp "$VICTIM" "$work/replaced"
	victim_start old "$work/replaced"
	# Another program takes the path, with the symbol elsewhere.
	cp "$VICTIM_FIXED" "$work/new"
	mv "$work/new" "$work/replaced"
	expect_equal "$(resolve "$old" counter)" "$(ask "$old" where counter)"
	[[ $(<"$errors") == *"deleted or replaced"* ]] || fail 'nothing is said'
	victim_stop "$old"
}

case_address_symbol_of_a_replaced_library_is_right_or_refused()
{
	local address
	cp "$PLUG" "$work/libplug.so"
	address=$(ask "$victim" load "$work/libplug.so")
	expect_equal "$(resolve "$victim" libplug.so:plug_counter)" "$address"
	cp "$PLUG_OTHER" "$work/new"
	mv "$work/new" "$work/libplug.so"
	run read "$victim" libplug.so:plug_counter 1 --json
	if ((status)); then
		# Only a privileged caller reaches the mapped file.
		expect_complaint 5 'deleted or replaced after .* cannot be read any more'
	else
		expect_equal "$(jq -r .address "$output")" "$address"
		[[ $(<"$errors") == *"deleted or replaced"* ]] || fail 'nothing is said'
	fi
}

case_address_symbol_of_two_libraries_is_refused_and_listed()
{
	local one two
	cp "$PLUG" "$work/libone.so"
	cp "$PLUG_OTHER" "$work/libtwo.so"
	victim_start both "$VICTIM"
	one=$(ask "$both" load "$work/libone.so")
	two=$(ask "$both" load "$work/libtwo.so")
	run write "$both" plug_counter u64:1
	expect_complaint 2 "2 symbols.*$one in libone.so"
	[[ $(<"$errors") == *"$two in libtwo.so"* ]] || fail "the second is missing"
	run write "$both" libtwo:plug_counter u64:1
	expect_status 0
	expect_equal "$(ask "$both" peek "$two" 8)" 0100000000000000
	expect_equal "$(ask "$both" peek "$one" 8)" 0b00000000000000
	victim_stop "$both"
}

case_address_in_a_32_bit_victim()
{
	local small text
	[[ ${VICTIM_32-} ]] || {
		skip 'no 32-bit compiler'
		return
	}
	# 126: found, and not executed by a kernel without emulation of 32-bit calls.
	"$VICTIM_32" </dev/null >/dev/null 2>&1
	[[ $? != 126 ]] || {
		skip 'this kernel runs no 32-bit programs'
		return
	}
	victim_start small "$VICTIM_32"
	text=$(ask "$small" where text)
	expect_equal "$(resolve "$small" counter)" "$(ask "$small" where counter)"
	run write "$small" text ptr:0xfffffff0 u8:0xaa
	expect_status 0
	expect_equal "$(ask "$small" peek "$text" 5)" f0ffffffaa
	run read "$small" text --as ptr
	expect_output 0xfffffff0
	run write "$small" text ptr:0x100000000
	expect_complaint 2 'does not fit: ptr holds 0 to 0xffffffff'
	run info "$small" --json
	expect_equal "$(jq .pointer_bits "$output")" 32
	victim_stop "$small"
}

run_cases
