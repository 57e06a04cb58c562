#!/bin/bash
# SPDX-License-Identifier: MIT
# A JVM: 32 threads at work besides its own, and a heap so small that the collector runs.
. "$(dirname "$0")/harness.sh"
. "$here/talker.sh"

need java javac
javac -d "$work/files" "$here/Checker.java" >"$work/log" 2>&1 || give_up 'javac fails'
talk_to java -Xms64m -Xmx64m -XX:+UseG1GC -cp "$work/files" Checker
run_rounds
