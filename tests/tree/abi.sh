#!/bin/sh
# SPDX-License-Identifier: MIT
# A program that was linked with the last release runs with this library: nothing that
# it exported is gone or has changed its layout. What is new may be there.
#
#   abi.sh LIBRARY SOURCE           compare with abi/libmachvm-x86_64.abi
#   abi.sh LIBRARY SOURCE record    make that file anew: part of a release
set -eu

library=$1
source=$2
recorded=$source/abi/libmachvm-x86_64.abi

command -v abidiff >/dev/null || {
	echo 'skipped: abidiff (abigail-tools) is not installed'
	exit 77
}

if [ "${3:-}" = record ]; then
	abidw --exported-interfaces-only --no-show-locs --no-corpus-path --no-comp-dir-path \
		--no-elf-needed --headers-dir "$source/include" --drop-private-types "$library" >"$recorded"
	exit
fi

# Anything but new symbols counts.
compare() {
	abidiff --no-added-syms "$1" "$library"
}

compare "$recorded" || {
	echo 'the ABI is not that of the last release any more'
	exit 1
}

# Does it see what it is here for? Of a release that had one routine more, and a wider field.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed "s/name='machvm_write' version/name='machvm_gone' version/" "$recorded" >"$work/gone.abi"
sed "/<class-decl name='machvm_range'/s/size-in-bits='256'/size-in-bits='320'/" "$recorded" >"$work/wider.abi"
for old in gone wider; do
	! cmp -s "$recorded" "$work/$old.abi" || { echo "$old: nothing was changed for the try"; exit 1; }
	if compare "$work/$old.abi" >/dev/null; then
		echo "$old: a break of the ABI is not seen"
		exit 1
	fi
done
