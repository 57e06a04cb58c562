#!/bin/bash
# SPDX-License-Identifier: MIT
# machvm --broker, and the broker between users: one who may not open the victim, by a policy
# that lets him, on a victim that says what it finds in its memory.
. "$(dirname "$0")/harness.sh"

if [[ ! ${MACHVMD-} ]]; then
	echo '1..0 # SKIP there is no broker'
	exit 0
fi
victim_start victim "$VICTIM"
counter=$(ask "$victim" where counter)
me=$(id -u)
client=$me
as=()
if ((me == 0)); then
	client=65534
	as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
fi
broker_pid= broker_options=()
trap 'stop_broker; clean_up' EXIT

# start_broker RULE...: one that has answered.
start_broker()
{
	printf '%s\n' "$@" >"$work/policy"
	rm -f "$work/socket" "$work/journal"
	mkfifo "$work/journal"
	# No end of the harness's own goes along.
	"$MACHVMD" --policy "$work/policy" --listen "$work/socket" --log stderr "${broker_options[@]}" \
		2>"$work/journal" &
	broker_pid=$!
	exec {journal}<"$work/journal"
	# Who is refused has been answered: it listens.
	until "$machvm" --broker="$work/socket" info 1 >/dev/null 2>"$work/errors.start" ||
		! grep -q 'no broker listens' "$work/errors.start"; do
		kill -0 "$broker_pid" || break
	done
}

stop_broker()
{
	[[ $broker_pid ]] || return
	kill -KILL "$broker_pid"
	wait "$broker_pid" 2>/dev/null
	broker_pid=
	# What stays open here is open in every command and broker that comes after.
	exec {journal}<&-
}

# run_client WORD...: as run, by the other user and the broker.
run_client()
{
	output=$work/output errors=$work/errors
	"${as[@]}" "$machvm" --broker="$work/socket" "$@" >"$output" 2>"$errors"
	status=$?
	ran="machvm --broker $*"
}

case_broker_lets_another_user_read()
{
	ask "$victim" poke "$counter" 0102030405060708 >/dev/null
	start_broker "allow user $client read program $VICTIM"
	run_client read "$victim" "$counter" 8 --raw
	expect_status 0
	expect_equal "$(od -An -tx1 "$output" | tr -d ' ')" "$(ask "$victim" peek "$counter" 8)"
	run_client regions "$victim" --name '[stack]'
	expect_status 0
	if ((me == 0)); then
		"${as[@]}" "$machvm" read "$victim" "$counter" 8 >"$output" 2>"$errors"
		status=$?
		expect_complaint 4 'refuses access'
	fi
	stop_broker
}

case_broker_lets_nobody_write_who_may_only_read()
{
	local before
	before=$(ask "$victim" peek "$counter" 8)
	start_broker "allow user $client read program $VICTIM"
	run_client write "$victim" "$counter" u64:1
	expect_complaint 4 'no rule'
	expect_equal "$(ask "$victim" peek "$counter" 8)" "$before"
	stop_broker
}

case_broker_lets_another_user_write_by_policy()
{
	start_broker "allow user $client control program $VICTIM"
	run_client write "$victim" "$counter" u64:0x0807060504030201
	expect_status 0
	expect_equal "$(ask "$victim" peek "$counter" 8)" 0102030405060708
	stop_broker
}

case_broker_tells_which_rights_it_gives()
{
	start_broker "allow user $client inspect program $VICTIM"
	run_client info "$victim"
	expect_status 0
	expect_match $'\ncontrol +no: the broker refuses: no rule of its policy gives user '"$client the control right to process $victim; its administrator can add one"
	expect_match $'\nread +no: the broker refuses'
	expect_match $'\ninspect +yes\nname +yes'
	run_client info "$victim" --json
	expect_equal "$(jq -c .rights "$output")" '{"control":false,"read":false,"inspect":true,"name":true}'
	run_client write "$victim" "$counter" u64:1
	expect_complaint 4 "^machvm: the broker refuses: no rule of its policy gives user $client the control right to process $victim; its administrator can add one, see machvmd\(8\)$"
	stop_broker
}

case_broker_denies_by_default()
{
	start_broker '# nobody'
	run_client read "$victim" "$counter" 8
	expect_complaint 4 'no rule'
	run_client info "$victim"
	expect_complaint 4 'no rule'
	stop_broker
}

case_broker_denies_other_programs()
{
	start_broker "allow user $client control program /bin/true"
	run_client read "$victim" "$counter" 8
	expect_complaint 4 'no rule'
	# A program is its file and not its name.
	cp "$VICTIM" "$work/copy"
	stop_broker
	start_broker "allow user $client control program $work/copy"
	run_client read "$victim" "$counter" 8
	expect_complaint 4 'no rule'
	stop_broker
}

case_broker_that_is_not_there_is_told()
{
	run --broker="$work/no.socket" read "$victim" "$counter" 8
	expect_complaint 9 'no broker listens'
	MACHVM_BROKER=$work/no.socket run read "$victim" "$counter" 8
	expect_complaint 9 'no broker listens'
	run --broker
	expect_status 2
}

# What it has when it may open so many descriptors, or have so much memory: all of it, or a complaint.
# What the loader has no room for never gets so far.
expect_right_or_short()
{
	case $status in
	0) [[ $(od -An -tx1 "$output" | tr -d ' ') == "$right" ]] || fail "$1: $(od -An -tx1 "$output")" ;;
	8) [[ -s $errors && ! -s $output ]] || fail "$1: nothing is said" ;;
	127) grep -q 'error while loading shared libraries' "$errors" || fail "$1: $(cat "$errors")" ;;
	*) fail "$1: status $status, $(cat "$errors")" ;;
	esac
}

case_client_that_is_short_of_something_is_told()
{
	local room right done=0 short=0
	right=$(ask "$victim" peek "$counter" 8)
	start_broker "allow user $client read program $VICTIM"
	for room in {3..20}; do
		output=$work/output errors=$work/errors
		(
			ulimit -n "$room"
			exec "${as[@]}" "$machvm" --broker="$work/socket" read "$victim" "$counter" 8 --raw
		) >"$output" 2>"$errors"
		status=$?
		expect_right_or_short "$room descriptors"
		((status == 0)) && ((++done))
		((status == 8)) && ((++short))
	done
	((done && short)) || fail "$done done, $short short of descriptors"
	stop_broker
}

# Calls that no handler interrupts are interrupted by a stop, some of them.
case_client_that_is_stopped_over_and_over_is_served()
{
	local right pid
	right=$(ask "$victim" peek "$counter" 8)
	start_broker "allow user $client read program $VICTIM"
	for ((i = 0; i < 10; i++)); do
		output=$work/output errors=$work/errors
		"${as[@]}" "$machvm" --broker="$work/socket" read "$victim" "$counter" 8 --raw \
			>"$output" 2>"$errors" &
		pid=$!
		while kill -STOP "$pid" 2>/dev/null && kill -CONT "$pid" 2>/dev/null; do :; done
		wait "$pid"
		status=$?
		expect_status 0
		expect_equal "$(od -An -tx1 "$output" | tr -d ' ')" "$right"
	done
	stop_broker
}

case_broker_that_is_asked_too_often_says_so()
{
	local refused=0
	broker_options=(--rate 1)
	start_broker "allow user $client read program $VICTIM"
	broker_options=()
	for ((i = 0; i < 1000 && !refused; i++)); do
		run_client read "$victim" "$counter" 8
		((status)) && refused=1
	done
	expect_complaint 8 "the broker refuses: user $client asks more than 1 times a second; try again later"
	stop_broker
}

case_broker_writes_a_line_for_every_decision()
{
	local line
	start_broker "allow user $client read program $VICTIM"
	run_client read "$victim" "$counter" 8
	run_client write "$victim" "$counter" u8:1
	while IFS= read -r line <&"$journal" && [[ $line != *"target=$victim "* ]]; do :; done
	[[ $line == *"granted: uid=$client pid="*" right=read target=$victim program=$(realpath "$VICTIM") rule=1" ]] || fail "$line"
	IFS= read -r line <&"$journal"
	[[ $line == *"refused: uid=$client pid="*" right=control target=$victim program="*'no rule'* ]] || fail "$line"
	stop_broker
}

# The name of a program is its owner's choice, and must not read like the broker's words.
case_broker_writes_no_line_of_a_target()
{
	local named="$work/a rule=1 granted:"$'\n'"uid=0" strange line
	cp "$VICTIM" "$named"
	victim_start strange "$named"
	start_broker "allow user $client read program *"
	run_client regions "$strange"
	expect_status 0
	while IFS= read -r line <&"$journal" && [[ $line != *"target=$strange "* ]]; do :; done
	[[ $line == *" program="*'/a\040rule=1\040granted:\012uid=0 rule=1' ]] || fail "$line"
	stop_broker
	victim_stop "$strange"
}

# What runs with another group than its user's is not wholly his: a set-group-id program.
case_broker_takes_no_process_of_two_groups_for_its_user_s()
{
	local mixed
	if ((me != 0)); then
		skip 'only root starts such a process'
		return
	fi
	printf '%s\n' '#!/bin/sh' \
		"exec setpriv --reuid 65532 --rgid 65532 --egid 65531 --clear-groups '$VICTIM'" >"$work/mixed"
	chmod 755 "$work/mixed"
	victim_start mixed "$work/mixed"
	start_broker "allow user $client read program $VICTIM owner 65532"
	run_client read "$mixed" 0x1000 8
	expect_complaint 4 'no rule'
	stop_broker
	start_broker "allow user $client inspect program $VICTIM"
	run_client regions "$mixed"
	expect_status 0
	stop_broker
	victim_stop "$mixed"
}

# More connections than it has descriptors: it says so, and serves again when they are gone.
case_broker_without_descriptors_serves_when_it_has_some_again()
{
	local line crowd_in
	command -v python3 >/dev/null || {
		skip 'python3 connects, and is not here'
		return
	}
	start_broker "allow user $client read program $VICTIM"
	prlimit --pid "$broker_pid" --nofile=24:24
	cat >"$work/crowd.py" <<-'END'
	import socket, sys
	crowd = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(40)]
	for one in crowd:
	    one.connect(sys.argv[1])
	sys.stdin.read()
	END
	mkfifo "$work/crowd"
	python3 "$work/crowd.py" "$work/socket" <"$work/crowd" &
	local crowd=$!
	exec {crowd_in}>"$work/crowd"
	while IFS= read -r line <&"$journal" && [[ $line != *"accept: "* ]]; do :; done
	exec {crowd_in}>&-
	wait "$crowd"
	run_client regions "$victim"
	expect_status 0
	stop_broker
	rm "$work/crowd"
}

run_cases
