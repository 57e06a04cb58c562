#!/bin/bash
# SPDX-License-Identifier: MIT
# Chromium without a window, an unprivileged user's, its sandbox on: browser, zygotes,
# renderers and the rest. The value stands in the renderer of a page.
. "$(dirname "$0")/harness.sh"
. "$here/talker.sh"

need chromium /usr/bin/python3
[[ $(id -u) == 0 ]] || skip 'its sandbox lets no ordinary user in: this takes root'
cp "$here/checker.html" "$here/chromium.py" "$work/files"
chmod -R a+rX "$work/files"
talk_to /usr/bin/python3 "$work/files/chromium.py" "$work/files/checker.html" "$work/files/profile"

# Of several renderers one has the page.
for pid in $(family "${founders[@]}"); do
	grep -qa -- --type=renderer "/proc/$pid/cmdline" || continue
	[[ ! $("$MACHVM" find "$pid" "str:$first" --perm rw --limit 1) ]] || holders+=("$pid")
done
((${#holders[@]})) || give_up 'no renderer has the value'

# A filter of system calls, and namespaces that are not the browser's.
is_sandboxed() {
	local pid=${holders[0]} namespace
	grep -qE '^Seccomp:[[:space:]]*2$' "/proc/$pid/status" || return 1
	for namespace in user pid net; do
		[[ $(readlink "/proc/$pid/ns/$namespace") != $(readlink "/proc/${founders[0]}/ns/$namespace") ]] || return 1
	done
}

# Its processes open and close channels between each other all the time.
descriptor_slack=10
holds 'its renderer is in a sandbox' is_sandboxed
run_rounds
