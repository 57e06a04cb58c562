#!/bin/sh
# SPDX-License-Identifier: MIT
# Measures everything and shows it: bench/run.sh [BUILD]. Takes some five minutes.
set -eu

here=$(dirname "$0")
build=${1:-build}
programs=$build/bench
work=$(mktemp -d)
subject=
finish() {
	[ -z "$subject" ] || kill "$subject" 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

if [ ! -x "$programs/bench" ]; then
	echo "bench: $programs/bench is not built" >&2
	exit 1
fi

rows=$work/rows
say() {
	[ ! -t 2 ] || printf '\r\033[K%s' "$1" >&2
}
measure() {
	say "measuring: $*"
	"$programs/bench" "$@" >>"$rows"
}

measure small
measure --without ring small
measure long
measure --without query long
measure lookups
measure fresh
measure spread
measure sweep
measure lists
measure find
say 'measuring: ports'
"$programs/bench-port-lookup" >>"$rows"
if [ -x "$programs/bench-light" ]; then
	say 'measuring: the held descriptor'
	"$programs/bench-light" >>"$rows"
fi
measure walk
measure rivals
measure crowd
measure copy
measure space
measure window
if [ -x "$programs/bench-remote" ]; then
	say 'measuring: sessions'
	"$programs/bench-remote" >>"$rows"
fi

# Whole commands: hyperfine, a few runs of each in turn.
if [ -x "$build/cli/machvm" ] && command -v hyperfine >/dev/null && command -v gdb >/dev/null; then
	say 'measuring: whole commands'
	mkfifo "$work/said"
	"$programs/bench-subject" memory 1048576 >"$work/said" &
	subject=$!
	read -r address <"$work/said"
	head -c 1048576 /dev/urandom >"$work/bytes"
	for round in 01 02 03 04 05 06 07 08 09 10 11; do
		hyperfine -N -w 0 -r 3 --style none --export-json "$work/$round.machvm.json" \
			"$build/cli/machvm write $subject 0x$address --input $work/bytes" >/dev/null 2>&1
		hyperfine -N -w 0 -r 3 --style none --export-json "$work/$round.gdb.json" \
			"gdb --nx --batch -p $subject -ex 'restore $work/bytes binary 0x$address'" >/dev/null 2>&1
	done
	kill "$subject"
	subject=
else
	echo 'bench: machvm, gdb or hyperfine is missing: whole commands are not measured' >&2
fi
say ''

hyperfine_files=
for file in "$work"/*.machvm.json "$work"/*.gdb.json; do
	[ ! -e "$file" ] || hyperfine_files="$hyperfine_files $file"
done
# shellcheck disable=SC2086 # a list
python3 "$here/report.py" "$build/bench.json" "$rows" $hyperfine_files
python3 "$here/plot.py" "$build/bench.json" "$build/bench.svg"
