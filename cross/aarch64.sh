#!/bin/sh
# SPDX-License-Identifier: MIT
# cross/aarch64.sh - compiles what depends on the CPU for aarch64: objects only, nothing is
# linked or run. Needs clang and the headers of libc6-dev-arm64-cross (which, unlike
# Debian's cross gcc, gets on with gcc-multilib).
set -eu

cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT INT TERM
headers=/usr/aarch64-linux-gnu/include
if [ ! -d "$headers" ]; then
	echo "aarch64: no headers in $headers (libc6-dev-arm64-cross)" >&2
	exit 77
fi

for source in src/arch/call.c src/arch/aarch64.c src/arch/syscall_aarch64.c \
	src/linux/trace.c src/linux/thread_list.c src/remote/*.c; do
	clang --target=aarch64-linux-gnu -isystem "$headers" -std=gnu17 -O2 -Wall -Wextra -Werror \
		-Wno-unused-parameter -Wno-missing-field-initializers -D_GNU_SOURCE \
		-D_FILE_OFFSET_BITS=64 -fPIC -Isrc/arch -Isrc/linux -Isrc/remote \
		-c "$source" -o "$out/$(basename "$source" .c).o"
done
echo "aarch64: $(ls "$out" | wc -l) objects"
