# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# harness - runs every function whose name begins with case_, prints TAP, and
# knows how to start victims, to ask them, and to run the command.
#
# A case fails when one of its expectations does not hold; the others of that
# case are still looked at. Truth about a victim's memory comes from the victim.

: "${MACHVM:?the command}" "${MACHVM_LIBRARY:?the library}" "${VICTIM:?the victim}"
work=$(mktemp -d "${TMPDIR:-/tmp}/machvm-cli.XXXXXX")
chmod 755 "$work"
victims=()
trap 'clean_up' EXIT

clean_up()
{
	local pid
	for pid in "${victims[@]}"; do
		kill -KILL "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	rm -rf "$work"
}

# The command where anybody may run it, with the library beside it.
mkdir "$work/bin"
cp "$MACHVM" "$work/bin/machvm"
cp -L "$MACHVM_LIBRARY" "$work/bin/libmachvm.so.0"
export LD_LIBRARY_PATH=$work/bin
machvm=$work/bin/machvm

# victim_start VARIABLE PROGRAM: starts it; VARIABLE becomes its pid.
victim_start()
{
	local -n pid_of=$1
	local program=$2 in out
	mkfifo "$work/in.$1" "$work/out.$1"
	"$program" <"$work/in.$1" >"$work/out.$1" &
	victims+=($!)
	exec {in}>"$work/in.$1" {out}<"$work/out.$1"
	rm "$work/in.$1" "$work/out.$1"
	victim_in[$!]=$in
	victim_out[$!]=$out
	IFS= read -r pid_of <&"$out"
}
declare -A victim_in victim_out

# ask PID COMMAND...: the victim's answer.
ask()
{
	local pid=$1 answer
	shift
	echo "$*" >&"${victim_in[$pid]}"
	IFS= read -r answer <&"${victim_out[$pid]}"
	echo "$answer"
}

# Ends a victim and waits until it is gone.
victim_stop()
{
	kill -KILL "$1"
	wait "$1" 2>/dev/null
}

# run WORD...: runs machvm; sets status, output (a file) and errors (a file).
run()
{
	output=$work/output errors=$work/errors
	"$machvm" "$@" >"$output" 2>"$errors"
	status=$?
	ran="machvm $*"
}

fail()
{
	failed=1
	echo "# ${*//$'\n'/ }"
	[[ ! ${ran-} ]] || echo "#   after: $ran (status ${status-})"
	[[ ! -s ${errors-} ]] || sed 's/^/#   /' "$errors"
}

expect_status()
{
	[[ $status == "$1" ]] || fail "status is $status, not $1"
}

expect_equal()
{
	[[ $1 == "$2" ]] || fail "$1 is not $2"
}

expect_output()
{
	[[ $(<"$output") == "$1" ]] || fail "output is: $(head -c 300 "$output"), not: $1"
}

expect_match()
{
	[[ $(<"$output") =~ $1 ]] || fail "output does not match $1: $(head -c 300 "$output")"
}

# A failure is one sentence on standard error, and nothing on standard output.
expect_complaint()
{
	local status_wanted=$1 pattern=$2
	expect_status "$status_wanted"
	[[ ! -s $output ]] || fail "there is output: $(head -c 300 "$output")"
	(($(wc -l <"$errors") == 1)) || fail "not one line on standard error"
	[[ $(<"$errors") == "machvm: "* ]] || fail "the sentence does not begin with machvm:"
	[[ $(<"$errors") =~ $pattern ]] || fail "the sentence does not match: $pattern"
}

expect_silence()
{
	[[ ! -s $output && ! -s $errors ]] || fail "something is printed: $(head -c 300 "$output")"
}

skip()
{
	skipped=$*
}

run_cases()
{
	# A case sees these names, and has its own.
	local all_cases=() this_case number=0 failures=0
	mapfile -t all_cases < <(compgen -A function case_)
	echo "1..${#all_cases[@]}"
	for this_case in "${all_cases[@]}"; do
		failed= skipped= ran= status=
		errors=$work/errors
		: >"$errors"
		"$this_case"
		((number++))
		if [[ $failed ]]; then
			echo "not ok $number - ${this_case#case_}"
			((failures++))
		elif [[ $skipped ]]; then
			echo "ok $number - ${this_case#case_} # SKIP $skipped"
		else
			echo "ok $number - ${this_case#case_}"
		fi
	done
	return $((failures > 0))
}
