#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh BUILD [PROGRAM...]: works on live programs under load and proves that they stay
# healthy. Ends with a table and one line, "N passed, N failed". Takes some six minutes.
#
#   MACHVM_REAL=long   more and longer rounds: half an hour
set -u

here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: run.sh BUILD [PROGRAM...]}" && pwd) || exit 1
shift
programs=("$@")
((${#programs[@]})) || programs=(redis postgres nginx jvm node python chromium word32 static emulated spoiled)

if [[ ! -x $build/tests/real/real-worker || ! -x $build/cli/machvm ]]; then
	echo "real: $build has no real-worker or no machvm; run: make" >&2
	exit 1
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Where the users of the programs can go, whatever the build directory allows.
chmod 711 "$work"
mkdir "$work/programs"
cp "$build"/tests/real/real-* "$work/programs" 2>/dev/null
cp "$build/cli/machvm" "$work/programs/machvm" || exit 1
cp -L "$build"/src/libmachvm.so.0 "$work/programs"
chmod -R a+rX "$work/programs"
export LD_LIBRARY_PATH=$work/programs
export PROGRAMS=$work/programs MACHVM=$work/programs/machvm WORKER=$work/programs/real-worker
export REAL_RESULTS=$work/results
mkdir "$REAL_RESULTS"
: >"$REAL_RESULTS/rows"
: >"$REAL_RESULTS/tallies"

passed=0 failed=0 skipped=0 limit=300
[[ ${MACHVM_REAL:-} != long ]] || limit=1200

for program in "${programs[@]}"; do
	echo "real: $program"
	timeout -k 30 "$limit" bash "$here/$program.sh" >"$work/said"
	status=$?
	cat "$work/said"
	passed=$((passed + $(grep -c '^ok - ' "$work/said")))
	bad=$(grep -c '^not ok - ' "$work/said")
	case $status in
	0 | 1) ;;
	77) skipped=$((skipped + 1)) ;;
	*)
		echo "not ok - $program: did not come to its end (status $status)"
		bad=$((bad + 1))
		;;
	esac
	failed=$((failed + bad))
done

echo
awk -f "$here/table.awk" "$REAL_RESULTS/tallies" "$REAL_RESULTS/rows"
echo "$skipped programs skipped"
echo "$passed passed, $failed failed"
[[ $failed == 0 && $passed != 0 ]]
