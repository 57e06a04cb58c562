#!/bin/bash
# SPDX-License-Identifier: MIT
# Would the other scripts notice? Each kind of harm is done to a program on purpose, beside
# the work (spoiler.sh), and must be told of.
: "${WORKER:?real-worker}"
here=$(dirname "$0")
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
said=$work/said
failures=0

# told HARM WHAT...: a short run in which that harm is done says that these do not hold.
told() {
	local harm=$1 what
	shift
	HARM=$harm REAL_WORKER=$WORKER WORKER=$here/spoiler.sh MACHVM_REAL_ROUNDS=1 REAL_RESULTS=$work \
		bash "$here/static.sh" >"$said" 2>&1
	[[ $? != 77 ]] || { grep '^skipped' "$said" && exit 77; }
	for what in "$@"; do
		if grep -qx "not ok - static: $what" "$said"; then
			echo "ok - spoiled: $harm: noticed"
			continue
		fi
		echo "not ok - spoiled: $harm: not noticed that this does not hold: $what"
		sed 's/^/# /' "$said"
		failures=$((failures + 1))
	done
}

told 'memory left behind' 'nothing is left in it, and its signals are as they were'
told 'another value' 'the program said what was written, [0-9]* times'
told 'other data' 'the load met no error while it was worked on' 'its data is what it was'
exit $((failures > 0))
