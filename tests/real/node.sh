#!/bin/bash
# SPDX-License-Identifier: MIT
# node: its main thread, two workers, and V8's own.
. "$(dirname "$0")/harness.sh"
. "$here/talker.sh"

need node
cp "$here/checker.js" "$work/files"
talk_to node "$work/files/checker.js"
run_rounds
