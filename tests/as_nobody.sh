#!/bin/sh
# SPDX-License-Identifier: MIT
# as_nobody.sh BUILD COPY COMMAND [ARG...]: runs COMMAND as an unprivileged user,
# with every argument that is below BUILD taken from COPY instead: the build
# directory itself may be where that user cannot go.
build=$1 copy=$2
shift 2
count=$#
while [ "$count" -gt 0 ]; do
	case $1 in
	"$build"/*) set -- "$@" "$copy/${1#"$build"/}" ;;
	*) set -- "$@" "$1" ;;
	esac
	shift
	count=$((count - 1))
done
exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
