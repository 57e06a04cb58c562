#!/bin/sh
# SPDX-License-Identifier: MIT
# layers.sh SOURCE_ROOT - the house rules that a compiler does not keep.
set -eu
cd "$1"
bad=0

complain() {
	echo "not kept: $1" >&2
	echo "$2" >&2
	bad=1
}

# Only the layers that talk to the kernel know errno and system calls.
found=$(grep -nE '\berrno\b|\bsyscall\(|\bptrace\(|\bopen(at)?\(|\bioctl\(' -r src --include='*.[ch]' |
	grep -vE '^src/(linux|arch|remote)/' | grep -vE '#include <errno.h>|system_errno|/\* errno|^[^:]*:[0-9]+:\s*(/?\*|//)|\berrno (of|behind)|-errno|an errno' || true)
[ -z "$found" ] || complain 'errno and system calls stay in src/linux and src/arch' "$found"

# Mach's codes never reach the layers below src/task.
found=$(grep -nE '\bKERN_[A-Z]|\bMACH_SEND_' -r src/linux src/target src/transfer || true)
[ -z "$found" ] || complain 'no KERN_ code below src/task' "$found"

# The command and the examples know nothing that is hidden.
found=$(grep -n 'machvm__' -r cli examples || true)
[ -z "$found" ] || complain 'the command and the examples use public headers' "$found"

# One licence line a file.
# (The README shows its example whole, and the example is not our work to license.)
found=$(git ls-files -- '*.c' '*.h' '*.cpp' ':!examples/readme.c' | xargs grep -L 'SPDX-License-Identifier: MIT' || true)
[ -z "$found" ] || complain 'every source names its licence' "$found"

# Files that a person can read.
found=$(git ls-files -- '*.c' '*.h' '*.cpp' '*.sh' | xargs wc -l | awk '$2 != "total" && $1 > 560 { print $2 ": " $1 " lines" }')
[ -z "$found" ] || complain 'files stay under about 500 lines' "$found"

# Nothing speaks of the machine it was written on.
found=$(git grep -nE '/work/|/root/|/home/[a-z]' -- . ':!tests/tree/layers.sh' ':!tests/docs_check.sh' || true)
[ -z "$found" ] || complain 'no path of a build machine' "$found"

exit $bad
