#!/bin/bash
# SPDX-License-Identifier: MIT
# python3 with threads, and garbage that takes its collector.
. "$(dirname "$0")/harness.sh"
. "$here/talker.sh"

need /usr/bin/python3
cp "$here/checker.py" "$work/files"
talk_to /usr/bin/python3 "$work/files/checker.py"
run_rounds
