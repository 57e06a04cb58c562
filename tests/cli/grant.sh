#!/bin/bash
# SPDX-License-Identifier: MIT
# machvm grant, and @ below it, on a victim that says what it finds in its memory.
. "$(dirname "$0")/harness.sh"

victim_start victim "$VICTIM"
counter=$(ask "$victim" where counter)
# Whom the command can be run as: root makes it somebody who could not open the victim.
to=()
[[ $(id -u) != 0 ]] || to=(--to 65534)

peek()
{
	ask "$victim" peek "$@"
}

case_grant_read_lets_a_command_read()
{
	ask "$victim" poke "$counter" 0102030405060708 >/dev/null
	run grant "$victim" "${to[@]}" -- "$machvm" read @ "$counter" 8 --raw
	expect_status 0
	expect_equal "$(od -An -tx1 "$output" | tr -d ' ')" "$(peek "$counter" 8)"
}

case_grant_read_does_not_let_a_command_write()
{
	local before
	before=$(peek "$counter" 8)
	run grant "$victim" --right read "${to[@]}" -- "$machvm" write @ "$counter" u64:1
	expect_complaint 4 'less than control'
	expect_equal "$(peek "$counter" 8)" "$before"
	run grant "$victim" --right inspect "${to[@]}" -- "$machvm" read @ "$counter" 8
	expect_complaint 4 'less than read'
	run grant "$victim" --right name "${to[@]}" -- "$machvm" regions @
	expect_complaint 4 'less than inspect'
}

case_grant_control_lets_a_command_write_where_the_target_may()
{
	local code
	run grant "$victim" --right control "${to[@]}" -- "$machvm" write @ "$counter" u64:0x1122334455667788
	expect_status 0
	expect_silence
	expect_equal "$(peek "$counter" 8)" 8877665544332211
	code=$(awk '$2 ~ /^r-x/ {split($1, a, "-"); print "0x" a[1]; exit}' "/proc/$victim/maps")
	run grant "$victim" --right control "${to[@]}" -- "$machvm" write @ "$code" u8:1
	expect_complaint 6 'permits no writing'
}

case_grant_serves_a_command_as_often_as_it_asks()
{
	run grant "$victim" --right control "${to[@]}" -- sh -c \
		"for i in 1 2 3 4 5 6 7 8 9 10 11 12; do '$machvm' write @ $counter u64:\$i || exit 40; done"
	expect_status 0
	expect_equal "$(peek "$counter" 8)" 0c00000000000000
}

case_grant_runs_the_command_as_that_user()
{
	if [[ $(id -u) != 0 ]]; then
		skip 'only root becomes somebody else'
		return
	fi
	run grant "$victim" --to nobody -- sh -c 'id -u; id -g; id -G; grep ^CapEff /proc/self/status'
	expect_output $'65534\n65534\n65534\nCapEff:\t0000000000000000'
	run grant "$victim" --to nobody-of-that-name -- true
	expect_complaint 2 'neither a user nor'
}

# A service that is not root, with capabilities of its own.
case_grant_to_a_user_leaves_no_capability()
{
	local as=(setpriv --reuid 65533 --regid 65533 --clear-groups
		--inh-caps +sys_ptrace,+setuid,+setgid --ambient-caps +sys_ptrace,+setuid,+setgid)
	if ! "${as[@]}" true 2>/dev/null; then
		skip 'nobody here gives capabilities'
		return
	fi
	output=$work/output errors=$work/errors ran='machvm grant'
	"${as[@]}" "$machvm" grant "$victim" --right name --to 65534 -- \
		grep -E '^Cap(Inh|Prm|Eff|Amb)|^Uid' /proc/self/status >"$output" 2>"$errors"
	status=$?
	expect_status 0
	expect_equal "$(awk '/^Cap/ {print $2}' "$output" | uniq)" 0000000000000000
	expect_equal "$(awk '/^Uid/ {print $2}' "$output")" 65534
}

case_grant_passes_nothing_else_on()
{
	run grant "$victim" "${to[@]}" -- sh -c 'ls -l /proc/self/fd/ | grep -c socket'
	expect_output 1
	run grant "$victim" "${to[@]}" -- sh -c 'ls -l /proc/self/fd/ | grep -c /proc/'
	# The listing itself.
	expect_output 1
}

case_grant_returns_the_status_of_the_command()
{
	run grant "$victim" -- sh -c 'exit 33'
	expect_status 33
	run grant "$victim" -- sh -c 'kill -TERM $$'
	expect_status 143
	run grant "$victim" -- "$work/no-such-program"
	expect_complaint 127 'No such file'
}

case_grant_with_wrong_words_says_so()
{
	run grant "$victim"
	expect_complaint 2 'too few words'
	run grant "$victim" --right all -- true
	expect_complaint 2 'no right'
	run grant 999999999 -- true
	expect_complaint 3 'no process'
	run read @ "$counter" 8
	expect_complaint 2 'machvm grant'
	MACHVM_GRANT=3x run read @ "$counter" 8
	expect_complaint 2 'machvm grant'
	MACHVM_GRANT=0 run read @ "$counter" 8
	expect_complaint 9 'not a Unix socket'
	run grant "$victim" --to "$work/no.socket"
	expect_complaint 9 'No such file'
}

case_grant_to_a_socket_sends_the_right_there()
{
	command -v python3 >/dev/null || {
		skip 'python3 listens, and is not here'
		return
	}
	mkfifo "$work/listens"
	cat >"$work/listen.py" <<-'END'
	import os, socket, subprocess, sys
	listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
	listener.bind(sys.argv[1])
	listener.listen()
	with open(sys.argv[4], "w") as ready:
	    ready.write("ready\n")
	end, _ = listener.accept()
	os.set_inheritable(end.fileno(), True)
	subprocess.run([sys.argv[2], "read", "@", sys.argv[3], "8", "--raw"], close_fds=False,
	               env=dict(os.environ, MACHVM_GRANT=str(end.fileno())))
	END
	python3 "$work/listen.py" "$work/here.socket" "$machvm" "$counter" "$work/listens" >"$work/told" &
	local listener=$! ready
	read -r ready <"$work/listens"
	run grant "$victim" --right read --to "$work/here.socket"
	expect_status 0
	wait "$listener"
	expect_equal "$(od -An -tx1 "$work/told" | tr -d ' ')" "$(peek "$counter" 8)"
}

case_audit_leaves_a_line_about_what_was_opened()
{
	run --audit=stderr read "$victim" "$counter" 8
	expect_status 0
	[[ $(<"$errors") =~ ^machvm:\ audit:\ opened:\ verb=read\ uid=$(id -u)\ pid=[0-9]+\ right=read\ target=$victim\ program=[^\ ]+\ status=0$ ]] ||
		fail "the line is $(<"$errors")"
	run --audit=stderr write 999999999 0x1000 u8:1
	expect_status 3
	grep -q 'audit: refused: verb=write .* right=control target=999999999 program=999999999 status=3$' "$errors" ||
		fail "the line is $(<"$errors")"
	MACHVM_AUDIT=stderr run regions "$victim" --name '[stack]'
	grep -q 'audit: opened: verb=regions .* right=inspect' "$errors" || fail "no line"
	run read "$victim" "$counter" 8
	[[ ! -s $errors ]] || fail "a line that nobody asked for"
}

run_cases
