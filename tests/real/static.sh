#!/bin/bash
# SPDX-License-Identifier: MIT
# A statically linked program: the shell of busybox-static.
. "$(dirname "$0")/harness.sh"
. "$here/talker.sh"

need busybox readelf
! readelf -l "$(command -v busybox)" | grep -q INTERP || skip 'busybox is not the static one'
cp "$here/checker.sh" "$work/files"
regions_fixed=1
talk_to busybox sh "$work/files/checker.sh"
run_rounds
