#!/bin/bash
# SPDX-License-Identifier: MIT
# machvm protect, allocate, deallocate and write --unprotect: what they do to the
# map of a victim, and what they leave alone. The victim says what is in its
# memory, the kernel how it is mapped.
. "$(dirname "$0")/harness.sh"

victim_start victim "$VICTIM"
page=$(getconf PAGESIZE)
counter=$(ask "$victim" where counter)

# Six pages with a hole before and behind.
around=$(ask "$victim" map $((8 * page)))
six=$(printf '0x%x' $((around + page)))
ask "$victim" unmap "$around" "$page" >/dev/null
ask "$victim" unmap $((around + 7 * page)) "$page" >/dev/null

peek()
{
	ask "$victim" peek "$@"
}

hex()
{
	printf '0x%x' "$1"
}

# layout ADDRESS PAGES: the protection of each page, as rw-p, or .... for a hole.
layout()
{
	local at=$(($1)) end=$(($1 + $2 * page)) range access rest text=
	cp "/proc/$victim/maps" "$work/maps"
	while read -r range access rest; do
		local from=$((0x${range%-*})) to=$((0x${range#*-}))
		while ((at < end && at < from)); do
			text+='.... '
			((at += page))
		done
		while ((at < end && at < to)); do
			text+="$access "
			((at += page))
		done
	done <"$work/maps"
	while ((at < end)); do
		text+='.... '
		((at += page))
	done
	echo "${text% }"
}

# The six pages as they were: private, readable and writable.
reset()
{
	# The holes too: what a killed write leaves behind can be in one.
	ask "$victim" unmap "$around" $((8 * page)) >/dev/null
	run allocate "$victim" $((6 * page)) "$six"
	expect_equal "$(layout "$six" 6)" 'rw-p rw-p rw-p rw-p rw-p rw-p'
}

# Runs what must be refused and leave the six pages as they are.
refuse()
{
	local wanted=$1 pattern=$2 before
	shift 2
	before=$(cat "/proc/$victim/maps")
	run "$@"
	expect_complaint "$wanted" "$pattern"
	expect_equal "$(cat "/proc/$victim/maps")" "$before"
}

case_protect_changes_the_pages_and_prints_nothing()
{
	reset
	run protect "$victim" $((six + page + 1)) "$page" r
	expect_status 0
	expect_silence
	expect_equal "$(layout "$six" 6)" 'rw-p r--p r--p rw-p rw-p rw-p'
	run protect "$victim" $((six + page)) 1 r-x
	run protect "$victim" $((six + 2 * page)) 1 none
	run protect "$victim" $((six + 3 * page)) 1 wr
	run protect "$victim" $((six + 4 * page)) 1 rwx
	run protect "$victim" -- $((six + 5 * page)) 1 -r-
	expect_equal "$(layout "$six" 6)" 'rw-p r-xp ---p rw-p rwxp r--p'
	run protect "$victim" "$six" 6K rw
	expect_equal "$(layout "$six" 6)" 'rw-p rw-p ---p rw-p rwxp r--p'
}

case_protect_reports_with_verbose_and_json()
{
	reset
	run protect "$victim" "$six" 1 rx -v --json
	expect_status 0
	expect_equal "$(jq -r '"\(.pid) \(.address) \(.size) \(.protection)"' "$output")" "$victim $six 1 r-x"
	[[ $(<"$errors") == *"$six are r-x in "* ]] || fail "no report"
}

case_protect_takes_a_symbol()
{
	run protect "$victim" counter 8 r
	expect_status 0
	expect_equal "$(layout $((counter & ~(page - 1))) 1)" 'r--p'
	run protect "$victim" counter 8 rw
	expect_equal "$(layout $((counter & ~(page - 1))) 1)" 'rw-p'
}

case_protect_copy_makes_a_view_writable_and_leaves_the_file()
{
	reset
	printf 'as it was' >"$work/viewed"
	ask "$victim" view "$six" "$page" "$work/viewed" >/dev/null
	refuse 6 "$six.*r-x at most" protect "$victim" "$six" 1 rw
	run protect "$victim" "$six" 1 rw --copy
	expect_status 0
	expect_equal "$(layout "$six" 1)" 'rw-p'
	run write "$victim" "$six" str:changed
	expect_equal "$(peek "$six" 9)" "$(printf 'changedas' | od -An -tx1 | tr -d ' ')"
	expect_equal "$(<"$work/viewed")" 'as it was'
}

case_protect_refused_changes_nothing()
{
	reset
	refuse 5 "$(hex $((six + 6 * page))) .*not allocated" protect "$victim" "$six" $((7 * page)) r
	refuse 5 '0x10 .*not allocated|not allocated' protect "$victim" 0x10 1 r
	refuse 5 'wraps' protect "$victim" 0xfffffffffffffff0 64 r
	refuse 1 'nothing is changed' protect "$victim" "$six" 0 r
	refuse 2 'rwz is no protection' protect "$victim" "$six" 1 rwz
	refuse 2 'rr is no protection' protect "$victim" "$six" 1 rr
	refuse 2 'an empty word is no protection' protect "$victim" "$six" 1 ''
	refuse 2 'not a number' protect "$victim" "$six" much r
	refuse 2 'too few words' protect "$victim" "$six" 1
	refuse 2 'one word too many' protect "$victim" "$six" 1 r w
	refuse 2 'no option' protect "$victim" "$six" 1 r --force
	refuse 5 'no such symbol|nowhere|no symbol' protect "$victim" no_such_symbol_here 1 r
}

case_allocate_prints_where_the_memory_is()
{
	local made
	run allocate "$victim" 10000
	expect_status 0
	expect_match '^0x[0-9a-f]+$'
	made=$(<"$output")
	expect_equal "$(layout "$made" 3)" 'rw-p rw-p rw-p'
	expect_equal "$(peek $((made + 3 * page - 8)) 8)" 0000000000000000
	run deallocate "$victim" "$made" 10000
	expect_status 0
	expect_silence
	expect_equal "$(layout "$made" 3)" '.... .... ....'
}

case_allocate_at_an_address_is_there_or_nowhere()
{
	reset
	run deallocate "$victim" $((six + page)) $((2 * page))
	expect_equal "$(layout "$six" 6)" 'rw-p .... .... rw-p rw-p rw-p'
	refuse 8 "$(hex $((six + page))).*taken" allocate "$victim" $((3 * page)) $((six + page))
	run allocate "$victim" $((2 * page)) $((six + page + 5)) -v --json
	expect_status 0
	expect_equal "$(jq -r '"\(.pid) \(.address) \(.size)"' "$output")" \
		"$victim $(hex $((six + page))) $((2 * page))"
	expect_equal "$(layout "$six" 6)" 'rw-p rw-p rw-p rw-p rw-p rw-p'
}

case_allocate_overwrite_takes_the_place()
{
	reset
	ask "$victim" poke "$six" 11223344 >/dev/null
	ask "$victim" protect "$six" "$page" r >/dev/null
	run allocate "$victim" 1 "$six" --overwrite
	expect_status 0
	expect_output "$six"
	expect_equal "$(layout "$six" 2)" 'rw-p rw-p'
	expect_equal "$(peek "$six" 4)" 00000000
}

case_allocate_tag_names_the_memory()
{
	local made
	run allocate "$victim" 1 --tag 77
	expect_status 0
	made=$(<"$output")
	if grep -q "^$(printf '%x' "$made")-.*machvm tag 77" "/proc/$victim/maps"; then
		:
	elif [[ $(ask "$victim" name "$made" "$page" probe) == no ]]; then
		skip 'the kernel keeps no names'
	else
		fail "no name at $made"
	fi
	run deallocate "$victim" "$made" 1
}

case_allocate_refused_changes_nothing()
{
	refuse 1 'nothing is changed' allocate "$victim" 0
	refuse 5 '0x0|outside' allocate "$victim" 1 0x10
	refuse 8 'no gap' allocate "$victim" 0xfffffffff000
	refuse 2 '0 is no tag' allocate "$victim" 1 --tag 0
	refuse 2 '256 is no tag' allocate "$victim" 1 --tag 256
	refuse 2 'goes with an ADDRESS' allocate "$victim" 1 --overwrite
	refuse 2 'too few words' allocate "$victim"
	refuse 2 'one word too many' allocate "$victim" 1 "$six" 3
}

case_deallocate_takes_whole_pages_and_minds_no_holes()
{
	reset
	run deallocate "$victim" $((six + page + 100)) 1 --json -v
	expect_status 0
	expect_equal "$(jq -r '"\(.pid) \(.address) \(.size)"' "$output")" \
		"$victim $(hex $((six + page + 100))) 1"
	run deallocate "$victim" "$six" $((3 * page))
	expect_status 0
	expect_equal "$(layout "$six" 6)" '.... .... .... rw-p rw-p rw-p'
	refuse 1 "nothing is allocated at $six" deallocate "$victim" "$six" $((2 * page))
	refuse 1 'nothing is changed' deallocate "$victim" $((six + 3 * page)) 0
	refuse 5 'wraps' deallocate "$victim" 0xfffffffffffffff0 64
	refuse 2 'too few words' deallocate "$victim" "$six"
}

case_changes_of_a_traced_process_are_denied_and_name_the_tracer()
{
	local tracer
	reset
	mkfifo "$work/held" "$work/enough"
	gdb -q -batch -nx -p "$victim" -ex "shell echo held >$work/held" \
		-ex "shell cat $work/enough" >/dev/null 2>&1 &
	tracer=$!
	read -r <"$work/held"
	refuse 4 'already traced by ' protect "$victim" "$six" 1 r
	refuse 4 'already traced by ' allocate "$victim" 1
	refuse 4 'already traced by ' deallocate "$victim" "$six" 1
	echo enough >"$work/enough"
	wait "$tracer"
	run protect "$victim" "$six" 1 r
	expect_status 0
}

# Private and shared pages, with and without permissions.
lay_mixture()
{
	reset
	ask "$victim" share $((six + 2 * page)) $((2 * page)) >/dev/null
	ask "$victim" fill "$six" $((6 * page)) >/dev/null
	ask "$victim" protect $((six + page)) "$page" r >/dev/null
	ask "$victim" protect $((six + 3 * page)) "$page" r >/dev/null
	ask "$victim" protect $((six + 4 * page)) "$page" rx >/dev/null
	ask "$victim" protect $((six + 5 * page)) "$page" r >/dev/null
	mixture='rw-p r--p rw-s r--s r-xp r--p'
	expect_equal "$(layout "$six" 6)" "$mixture"
}

case_unprotect_writes_through_every_protection_and_keeps_it()
{
	local before
	lay_mixture
	before=$(cat "/proc/$victim/maps")
	head -c $((6 * page - 20)) /dev/urandom >"$work/patch"
	refuse 6 "$(hex $((six + page)))" write "$victim" $((six + 10)) --input "$work/patch"
	refuse 6 "$(hex $((six + 3 * page)))" write "$victim" $((six + 10)) --input "$work/patch" --force
	run write "$victim" $((six + 10)) --input "$work/patch" --unprotect
	expect_status 0
	expect_silence
	expect_equal "$(layout "$six" 6)" "$mixture"
	expect_equal "$(cat "/proc/$victim/maps")" "$before"
	ask "$victim" save $((six + 10)) $((6 * page - 20)) "$work/after" >/dev/null
	cmp -s "$work/patch" "$work/after" || fail "the victim holds other bytes"
}

# Without the capability the second mapping is made in the victim, and taken away.
case_unprotect_without_capabilities_does_the_same()
{
	printf '#!/bin/sh\nexec setpriv --bounding-set=-sys_admin,-checkpoint_restore %s "$@"\n' \
		"$machvm" >"$work/capless"
	chmod 755 "$work/capless"
	((UID)) || setpriv --bounding-set=-sys_admin,-checkpoint_restore true 2>/dev/null || {
		skip 'no capability can be dropped'
		return
	}
	((UID)) || local machvm=$work/capless
	lay_mixture
	cp "$work/maps" "$work/maps.before"
	head -c $((6 * page - 20)) /dev/urandom >"$work/patch"
	run write "$victim" $((six + 10)) --input "$work/patch" --unprotect
	expect_status 0
	layout "$six" 6 >/dev/null
	cmp -s "$work/maps" "$work/maps.before" || fail 'the map has changed'
	ask "$victim" save $((six + 10)) $((6 * page - 20)) "$work/after" >/dev/null
	cmp -s "$work/patch" "$work/after" || fail "the victim holds other bytes"
	ask "$victim" save "$six" $((6 * page)) "$work/before" >/dev/null
	refuse 5 "$(hex $((six + 6 * page)))" write "$victim" $((six + 30)) --input "$work/patch" --unprotect
	ask "$victim" save "$six" $((6 * page)) "$work/after" >/dev/null
	cmp -s "$work/before" "$work/after" || fail "memory is changed"
}

case_unprotect_reaches_pages_without_any_permission()
{
	reset
	ask "$victim" protect "$six" "$page" none >/dev/null
	run write "$victim" "$six" u32:0x01020304 --unprotect --transaction --nowait
	expect_status 0
	expect_equal "$(layout "$six" 2)" '---p rw-p'
	ask "$victim" protect "$six" "$page" r >/dev/null
	expect_equal "$(peek "$six" 4)" 04030201
}

case_unprotect_refused_changes_nothing()
{
	lay_mixture
	ask "$victim" save "$six" $((6 * page)) "$work/before" >/dev/null
	head -c $((6 * page)) /dev/zero >"$work/patch"
	refuse 5 "$(hex $((six + 6 * page))) .*not allocated" \
		write "$victim" $((six + 8)) --input "$work/patch" --unprotect
	refuse 5 'not allocated' write "$victim" 0x10 u8:1 --unprotect
	refuse 5 'wraps|address' write "$victim" 0xffffffffffffffff u16:1 --unprotect
	printf 'as it was' >"$work/viewed"
	ask "$victim" view $((six + 5 * page)) "$page" "$work/viewed" >/dev/null
	refuse 6 "$(hex $((six + 5 * page))).*for reading only" \
		write "$victim" "$six" --input "$work/patch" --unprotect
	ask "$victim" save "$six" $((5 * page)) "$work/after" >/dev/null
	cmp -s -n $((5 * page)) "$work/before" "$work/after" || fail "memory is changed"
	expect_equal "$(<"$work/viewed")" 'as it was'
}

# The last page cannot be supplied: it lies beyond the end of its file.
case_unprotect_that_fails_half_way_puts_everything_back()
{
	local before
	lay_mixture
	: >"$work/empty"
	ask "$victim" overlay $((six + 5 * page)) "$page" "$work/empty" >/dev/null
	before=$(cat "/proc/$victim/maps")
	ask "$victim" save "$six" $((5 * page)) "$work/before" >/dev/null
	head -c $((6 * page)) /dev/zero >"$work/patch"
	run write "$victim" "$six" --input "$work/patch" --unprotect
	expect_complaint 7 "$(hex $((six + 5 * page)))"
	expect_equal "$(cat "/proc/$victim/maps")" "$before"
	ask "$victim" save "$six" $((5 * page)) "$work/after" >/dev/null
	cmp -s "$work/before" "$work/after" || fail "memory is changed"
}

# interrupt SIGNAL ROUNDS: ends writes at some instant; every protection stands, root leaves
# nothing behind, and a whole write or none is there unless nobody could catch the signal.
interrupt()
{
	local signal=$1 rounds=$2 round got
	lay_mixture
	cp "$work/maps" "$work/maps.before"
	for ((round = 1; round <= rounds; round++)); do
		head -c $((6 * page)) /dev/zero | tr '\0' "\\$(printf %o $((round % 200 + 1)))" >"$work/patch"
		timeout -s "$signal" "$(printf 0.%06d $((RANDOM % 16000 + 1)))" \
			"$machvm" write "$victim" "$six" --input "$work/patch" --unprotect 2>/dev/null
		got=$(layout "$six" 6)
		[[ $got == "$mixture" ]] || {
			fail "round $round: $got"
			return
		}
		((UID)) || cmp -s "$work/maps" "$work/maps.before" || {
			fail "round $round: the map has changed"
			return
		}
		[[ $signal != KILL ]] || continue
		ask "$victim" save "$six" $((6 * page)) "$work/after" >/dev/null
		(($(od -An -v -tx1 -w1 "$work/after" | sort -u | wc -l) == 1 || round == 1)) || {
			cmp -s "$work/before" "$work/after" || fail "round $round: half a write is there"
		}
		cp "$work/after" "$work/before"
	done
	expect_equal "$(ask "$victim" where counter)" "$counter"
}

case_unprotect_killed_at_any_instant_leaves_every_protection()
{
	interrupt KILL "${MACHVM_CLI_ROUNDS:-40}"
}

case_unprotect_interrupted_at_any_instant_leaves_every_protection()
{
	interrupt INT 10
	interrupt TERM 10
}

run_cases
