# SPDX-License-Identifier: MIT
# table.awk TALLIES ROWS: what was done to live programs, and what became of them.
# "late" is a thread that could not be stopped in time, which changes nothing.
FNR == NR {
	if (!($2 in done))
		order[++count] = $2
	done[$2] += $3
	refused[$2] += $4
	late[$2] += $5
	failed[$2] += $6
	next
}
{ row[++rows] = $0 }
END {
	line = "%-14s %10s %8s %6s %7s\n"
	printf line, "operation", "done", "refused", "late", "failed"
	for (i = 1; i <= count; i++) {
		each = order[i]
		printf line, each, done[each], refused[each], late[each], failed[each]
		all_done += done[each]
		all_refused += refused[each]
		all_late += late[each]
		all_failed += failed[each]
	}
	printf line "\n", "all", all_done, all_refused, all_late, all_failed

	line = "%-10s %9s %10s %8s %9s %7s %8s %9s %10s %6s\n"
	printf line, "program", "processes", "operations", "failed", "written", "load", "errors", "load", "per second", ""
	printf line, "", "", "", "", "and said", "alone", "worked", "alone", "worked", "ratio"
	for (i = 1; i <= rows; i++) {
		split(row[i], v, " ")
		printf line, v[1], v[2], v[3], v[6], v[7], v[8], v[9], sprintf("%.0f", v[10]), sprintf("%.0f", v[11]), v[12]
	}
}
