#!/bin/bash
# SPDX-License-Identifier: MIT
# The broker under systemd's own tools: started by the first client, gone when idle, and
# started again; and units that systemd has nothing to say against.
. "$(dirname "$0")/harness.sh"

if [[ ! ${MACHVMD-} ]]; then
	echo '1..0 # SKIP there is no broker'
	exit 0
fi
victim_start victim "$VICTIM"
counter=$(ask "$victim" where counter)
activator=
trap 'stop_activator; clean_up' EXIT

# start_activator RULE...: one that listens. What it and the broker say comes from $journal.
start_activator()
{
	local line
	printf '%s\n' "$@" >"$work/policy"
	rm -f "$work/socket"
	mkfifo "$work/journal"
	setpriv --pdeathsig KILL env ASAN_OPTIONS=detect_leaks=0 \
		systemd-socket-activate --listen="$work/socket" --seqpacket \
		--setenv=LD_LIBRARY_PATH --setenv=ASAN_OPTIONS \
		"$MACHVMD" --policy "$work/policy" --log stderr --idle 1 2>"$work/journal" &
	activator=$!
	exec {journal}<"$work/journal"
	rm "$work/journal"
	while IFS= read -r line <&"$journal"; do
		[[ $line == *Listening* ]] && return
	done
	fail "it does not listen"
}

stop_activator()
{
	[[ $activator ]] || return
	kill -KILL "$activator" 2>/dev/null
	wait "$activator" 2>/dev/null
	activator=
}

case_broker_started_by_a_client_serves_it_and_ends_when_idle()
{
	command -v systemd-socket-activate >/dev/null || {
		skip 'there is no systemd-socket-activate'
		return
	}
	start_activator "allow user $(id -u) read program $VICTIM"
	ask "$victim" poke "$counter" 0102030405060708 >/dev/null
	run --broker="$work/socket" read "$victim" "$counter" 8 --raw
	expect_status 0
	expect_equal "$(od -An -tx1 "$output" | tr -d ' ')" "$(ask "$victim" peek "$counter" 8)"
	run --broker="$work/socket" write "$victim" "$counter" u64:1
	expect_complaint 4 'no rule'
	# It ends by itself, and without complaint.
	wait "$activator"
	expect_equal "$?" 0
	activator=
}

case_units_are_understood_by_systemd()
{
	local unit units
	command -v systemd-analyze >/dev/null || {
		skip 'there is no systemd-analyze'
		return
	}
	IFS=: read -ra units <<<"$UNITS"
	mkdir "$work/units"
	for unit in "${units[@]}"; do
		# What it starts has to be there; the manual need not.
		sed "s|^ExecStart=[^ ]*|ExecStart=$MACHVMD|; /^Documentation=/d" "$unit" \
			>"$work/units/${unit##*/}"
	done
	systemd-analyze verify --man=no "$work/units/machvmd.service" "$work/units/machvmd.socket" \
		>"$work/said" 2>&1 || fail 'it is not verified'
	expect_equal "$(grep machvmd "$work/said")" ''
}

run_cases
