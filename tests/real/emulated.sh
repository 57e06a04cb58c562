#!/bin/bash
# SPDX-License-Identifier: MIT
# A program for another CPU, under qemu-user: the process is the emulator.
. "$(dirname "$0")/harness.sh"
. "$here/talker.sh"

need qemu-aarch64-static
[[ -x $PROGRAMS/real-checker-aarch64 ]] || skip 'there is no compiler for aarch64'
talk_to qemu-aarch64-static "$PROGRAMS/real-checker-aarch64"
run_rounds
