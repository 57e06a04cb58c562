#!/bin/bash
# SPDX-License-Identifier: MIT
# A 32-bit program with the libraries of a 32-bit system.
. "$(dirname "$0")/harness.sh"
. "$here/talker.sh"

[[ -x $PROGRAMS/real-checker32 ]] || skip 'the compiler makes no 32-bit programs'
# 126: found, and not executed by a kernel without emulation of 32-bit calls.
"$PROGRAMS/real-checker32" </dev/null >/dev/null 2>&1
[[ $? != 126 ]] || skip 'this kernel runs no 32-bit programs'
talk_to "$PROGRAMS/real-checker32"
run_rounds
