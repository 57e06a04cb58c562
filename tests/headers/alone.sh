#!/bin/sh
# SPDX-License-Identifier: MIT
# Compiles every public header alone: each must need nothing before it, in C
# and C++, with each compiler that is there, in 64 and 32 bits.
# usage: alone.sh INCLUDE_DIR; exit 0 all compile, 1 some do not.
include=${1:?usage: alone.sh INCLUDE_DIR}
failed=0
checked=0
warnings="-Wall -Wextra -Wpedantic -Werror -fsyntax-only"

each() { # each "HEADER..." COMMAND...: compiles each of them, if the compiler works at all
	list=$1
	shift
	printf '#include <stddef.h>\n#include <sys/types.h>\nint probe;\n' | "$@" - 2>/dev/null || return 0
	for header in $list; do
		checked=$((checked + 1))
		if ! printf '#include <%s>\n#include <%s>\nint probe;\n' "$header" "$header" | "$@" -; then
			echo "FAIL: $header: $*"
			failed=$((failed + 1))
		fi
	done
}

all=$(cd "$include" && find . -name '*.h' | sed 's,^\./,,' | sort)
for bits in -m64 -m32; do
	for cc in gcc clang; do
		each "$all" $cc -x c -std=gnu17 $bits $warnings -I "$include"
	done
	for cxx in g++ clang++; do
		each "$all" $cxx -x c++ -std=c++17 $bits $warnings -Wold-style-cast -I "$include"
	done
done
# Old programs: all of the interface at once, by the older and the newer languages.
whole='mach/mach.h mach/mach_vm.h machvm.h'
for cc in gcc clang; do
	each "$whole" $cc -x c -std=c89 -Wall -Wextra -Werror -fsyntax-only -I "$include"
	for std in c99 gnu99 c11 c2x; do
		each "$whole" $cc -x c -std=$std $warnings -I "$include"
	done
done
for cxx in g++ clang++; do
	for std in c++98 gnu++98 c++11 c++14 c++20; do
		each "$whole" $cxx -x c++ -std=$std $warnings -Wno-long-long -I "$include"
	done
done
for header in $all; do
	grep -q "^#include <$header>" "$(dirname "$0")/cxx.cpp" 2>/dev/null && continue
	case $header in
	mach/*) echo "FAIL: cxx.cpp does not include <$header>"; failed=$((failed + 1)) ;;
	esac
done
echo "$checked compilations, $failed failed"
[ $failed -eq 0 ] && [ $checked -gt 0 ]
