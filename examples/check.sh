#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the examples on a victim and checks what they do by the victim's own words:
# check.sh DIRECTORY-OF-THE-EXAMPLES
set -u
cd "$1" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

fail() {
	echo "$*"
	exit 1
}

# Ends when its input does, which is when this script does.
coproc VICTIM { exec ./victim; }
read -r pid address <&"${VICTIM[0]}" || fail 'no victim'

says() {
	local line

	echo >&"${VICTIM[1]}"
	read -r line <&"${VICTIM[0]}"
	[ "$line" = "$1" ] || fail "the victim says '$line' and not '$1'"
}

says 'call me Ishmael'
./scan "$pid" 'call me Ishmael' | grep -qx "$address" || fail 'scan: did not find the text'
./poke "$pid" "$address" 'call me Ahab' || fail 'poke: failed'
says 'call me Ahab'
./scan "$pid" "no such words: $RANDOM$RANDOM" && fail 'scan: found what is not there'

./poke "$pid" 0x10 'lost' 2>"$work/errors" && fail 'poke: wrote where nothing is'
grep -q '^poke: 0x10 is not allocated in process ' "$work/errors" || fail "poke: says $(cat "$work/errors")"
says 'call me Ahab'
./poke 2147483647 0x1000 'lost' 2>/dev/null && fail 'poke: found a process that is not there'
./poke 2>/dev/null
[ $? -eq 2 ] || fail 'poke: takes no arguments'

echo 'call me Starbuck' | ./window "$pid" "$address" || fail 'window: failed'
says 'call me Starbuck'
./window "$pid" 0x10 2>"$work/errors" && fail 'window: opened where nothing is'
grep -q '^window: 0x10 of process .* is not allocated' "$work/errors" || fail "window: says $(cat "$work/errors")"

./regions "$pid" >"$work/regions" || fail 'regions: failed'
grep -q ' r-x .*/victim$' "$work/regions" || fail "regions: does not show the victim's code"
grep -qx '[0-9]* KiB are writable' "$work/regions" || fail 'regions: counts nothing'
./regions 2147483647 2>/dev/null && fail 'regions: found a process that is not there'

./readme >/dev/null || fail 'readme: failed'
exit 0
