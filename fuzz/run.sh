#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Builds the fuzzers with clang and runs each of them.
#
#   run.sh           each for FUZZ_SECONDS (60), from its corpus; new inputs stay in build-fuzz
#   run.sh replay    the corpora alone, once
#
# Status 0 when nothing was found; what was found is left as build-fuzz/crash-*.
set -eu
cd "$(dirname "$0")/.."
build=build-fuzz
seconds=${FUZZ_SECONDS:-60}

mode=${1:-run}

case $mode in
run | replay) ;;
*)
	echo "usage: run.sh [replay]" >&2
	exit 2
	;;
esac

if [ ! -e $build/build.ninja ]; then
	CC=clang meson setup $build -Dfuzz=true -Dtests=disabled -Dcommand=disabled -Dbench=disabled \
		-Dman=false >$build.log 2>&1 || {
		cat $build.log >&2
		rm -f $build.log
		exit 1
	}
	rm -f $build.log
fi
ninja -C $build --quiet

# One fuzzer: its name without the prefix.
fuzz() {
	program=$build/fuzz/fuzz_$1
	corpus=fuzz/corpus/$1
	if [ "$mode" = replay ]; then
		"$program" -verbosity=0 "$corpus"/*
	else
		mkdir -p "$build/found/$1"
		"$program" -artifact_prefix=$build/ -verbosity=0 -max_total_time="$seconds" -timeout=10 \
			-rss_limit_mb=1024 "$build/found/$1" "$corpus"
	fi
}

passed=0
failed=0
for source in fuzz/fuzz_*.c; do
	name=$(basename "$source" .c)
	echo "$name"
	if fuzz "${name#fuzz_}" >"$build/$name.log" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		cat "$build/$name.log" >&2
	fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
