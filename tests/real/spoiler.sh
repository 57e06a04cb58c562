#!/bin/bash
# SPDX-License-Identifier: MIT
# spoiler.sh FIRST PID: harms busybox's shell in checker.sh, then is real-worker.
pid=$2

# Puts one text in place of another, wherever it stands.
replace() {
	local place
	for place in $("$MACHVM" find "$pid" "str:$1" --perm rw | sed 's/[[:space:]].*//'); do
		"$MACHVM" write "$pid" "$place" "str:$2"
	done
}

case $HARM in
'memory left behind')
	place=$("$MACHVM" allocate "$pid" 4096)
	"$MACHVM" write "$pid" "$place" str:machvm-real-mark
	;;
'another value')
	# As often as it is put right.
	setpriv --pdeathsig KILL bash -c 'while :; do '"$(declare -f replace)"'
		pid=$1; replace first- thirst; replace other- thirst; done' bash "$pid" </dev/null &
	;;
'other data') replace 'entry123 ' 'entry124 ' ;;
esac
exec "$REAL_WORKER" "$@"
