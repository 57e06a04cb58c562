#!/bin/sh
# SPDX-License-Identifier: MIT
# install.sh BUILD SOURCE_ROOT - a user's view: installs into an empty folder and
# builds programs outside the tree with nothing but pkg-config.
set -eu
build=$1
source=$2
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT

DESTDIR="$room/root" meson install -C "$build" --no-rebuild >"$room/log" 2>&1 || { cat "$room/log"; exit 1; }
pc=$(find "$room/root" -name machvm.pc)
[ -n "$pc" ] || { echo 'machvm.pc is not installed'; exit 1; }
export PKG_CONFIG_PATH="${pc%/*}" PKG_CONFIG_SYSROOT_DIR="$room/root"
flags=$(pkg-config --cflags --libs machvm)
static=$(pkg-config --cflags --libs --static machvm)
libdir=$(find "$room/root" -name 'libmachvm.so' -exec dirname {} \;)

cat >"$room/user.c" <<'END'
#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <machvm.h>
#include <stdio.h>
#include <string.h>
int main(void)
{
	char there[] = "before", now[sizeof there];
	mach_vm_size_t size;
	if (mach_vm_write(mach_task_self(), (mach_vm_address_t)(uintptr_t)there, (vm_offset_t)"after!", 6))
		return 1;
	if (mach_vm_read_overwrite(mach_task_self(), (mach_vm_address_t)(uintptr_t)there, sizeof now,
	                           (mach_vm_address_t)(uintptr_t)now, &size))
		return 2;
	return strcmp(now, "after!") || strcmp(there, "after!");
}
END
# shellcheck disable=SC2086 # flags are words
cc -Wall -Werror -o "$room/shared" "$room/user.c" $flags
LD_LIBRARY_PATH="$libdir" "$room/shared"
# shellcheck disable=SC2086
cc -Wall -Werror -o "$room/static" "$room/user.c" $(echo "$static" | sed "s|-lmachvm|$libdir/libmachvm.a|")
"$room/static"
cp "$room/user.c" "$room/user.cpp"
# shellcheck disable=SC2086
c++ -Wall -Werror -o "$room/cxx" "$room/user.cpp" $flags
LD_LIBRARY_PATH="$libdir" "$room/cxx"

# Exactly the mapped symbols are exported.
nm -D --defined-only "$libdir/libmachvm.so" | awk '$2 ~ /[TDBR]/ { sub(/@.*/, "", $3); print $3 }' | sort -u >"$room/exported"
sed -n '/global:/,/local:/p' "$source/src/libmachvm.map" | grep -oE '[a-z_0-9]+;' | tr -d ';' | sort -u >"$room/mapped"
diff "$room/mapped" "$room/exported"

# The command works from where it was installed, if it was built.
command=$(find "$room/root" -path '*/bin/machvm')
[ -z "$command" ] || LD_LIBRARY_PATH="$libdir" "$command" --version >/dev/null
