#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# check.sh BUILD: everything that `make check` promises. Runs all tests; the
# conformance suites once more as an unprivileged user, with each of the kernel's
# calls refused, and in a pid namespace that /proc does not belong to; all of it
# with sanitizers; a part under valgrind. Ends with one line, "N passed, N failed".
#
#   MACHVM_CHECK=quick   only the first run
#   MACHVM_CHECK=full    every refusal by itself, and more as an unprivileged user (half an hour)
#   MACHVM_CHECK=NAME    the run of that name alone, of all that the full check has
set -u

source=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "${1:?usage: check.sh BUILD}" && pwd)
sanitized=$build-sanitized
logs=()
extent=${MACHVM_CHECK:-usual} only=
case $extent in
usual | quick | full) ;;
*) only=$extent extent=full ;;
esac
root=
[ "$(id -u)" -eq 0 ] && root=1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

say() {
	printf '%s\n' "check: $*" >&2
}

# run LABEL BUILD [meson test option...]
run() {
	local label=$1 where=$2
	shift 2
	[ "${only:-$label}" = "$label" ] || return 0
	say "$label"
	rm -f "$where/meson-logs/check-$label."*
	# A machine that is busy is no failure.
	meson test -C "$where" --no-rebuild --quiet --timeout-multiplier 4 --print-errorlogs \
		--logbase "check-$label." "$@" \
		>"$work/output" 2>&1 || cat "$work/output" >&2
	# meson adds the wrapper's name to what it was told.
	logs+=("$label=$(echo "$where/meson-logs/check-$label."*json)")
}

# Most variations run one case in seven of the largest suite: the first run has them all.
refuse() {
	local label=$1 list=$2
	shift 2
	MACHVM_TEST_SHARE=7 MACHVM_TEST_REFUSE=$list run "$label" "$build" --suite api --no-suite once \
		--no-suite straight "$@"
}

sanitizers_wanted() {
	[[ $extent != quick && ${only:-sanitized} = *sanitized ]]
}

# A copy that anybody can reach, with the layout that the programs look around in.
publish() {
	mkdir -p "$2"
	tar -C "$1" --exclude='*.p' --exclude='*.a' -cf - src tests | tar -C "$2" -xf -
	chmod -R a+rX "$2"
}

build_sanitized() {
	[ -d "$sanitized" ] || CC=clang meson setup --native-file "$source/build-dev.ini" \
		-Dcommand=disabled -Dbench=disabled -Dman=false "$sanitized" "$source" || return 1
	nice -n 19 ninja -C "$sanitized" --quiet
}

say "build"
ninja -C "$build" --quiet || exit 1
# Beside the tests that have to run alone, and mostly wait.
if sanitizers_wanted; then
	build_sanitized >"$work/sanitizing" 2>&1 &
	builder=$!
fi
run all "$build" --no-suite harm
if [ "$extent" != quick ]; then
	# What older and stricter kernels do not have, or do not give to everybody
	# (tests/lib/refuse.h). Those of the full check take the same things one by one.
	refuse linux-6.1 procmap=ENOTTY,scan=ENOTTY,aio=EPERM
	refuse linux-5.2 procmap=ENOTTY,scan=ENOTTY,pidfd,populate=EINVAL --no-suite received
	refuse no-copy-calls writev,readv --no-suite received
	refuse nothing-new writev,readv,pidfd,procmap=ENOTTY,scan=ENOTTY,kcmp,populate=EINVAL,epoll,aio,barrier \
		--no-suite received
	if [ "$extent" = full ]; then
		refuse filtered writev=EPERM,readv=EPERM,pidfd=EPERM,procmap=EPERM,kcmp=EPERM,aio=EPERM,epoll=EPERM \
			--no-suite received
		refuse copy-calls-denied writev=EPERM,readv=EPERM
		refuse no-region-query procmap=ENOTTY
		refuse no-page-scan scan=ENOTTY
		refuse no-pidfd pidfd
		refuse pidfd-denied pidfd=EPERM
		refuse no-kcmp kcmp --no-suite received
		refuse no-aio aio
		refuse no-aio-no-epoll aio,epoll
		refuse no-populate populate=EINVAL
	fi

	if sanitizers_wanted; then
		say "build with sanitizers"
		wait "$builder" || { cat "$work/sanitizing" >&2; exit 1; }
	fi
	MACHVM_TEST_SHARE=3 run sanitized "$sanitized" --suite api --suite model --no-suite once

	# What valgrind 3.19 does not know of the kernel is refused, so that it sees what is written.
	MACHVM_TEST_REFUSE=procmap=ENOTTY,scan=ENOTTY run valgrind "$build" --suite valgrind --wrapper \
		"valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --suppressions=$source/tests/valgrind.supp"

	if [ -n "$root" ]; then
		publish "$build" "$work/plain"
		plain="$source/tests/as_nobody.sh $build $work/plain"
		run nobody "$build" --suite api --suite model --no-suite once --wrapper "$plain"
		refuse nobody-linux-6.1 procmap=ENOTTY,scan=ENOTTY,aio=EACCES --wrapper "$plain"
		refuse user-namespace '' --wrapper "$plain /usr/bin/unshare -Urpf --mount-proc --kill-child"
		refuse foreign-proc '' --no-suite received --wrapper 'unshare -pf --kill-child'
		if [ "$extent" = full ]; then
			sanitizers_wanted && publish "$sanitized" "$work/sanitized"
			refuse nobody-no-copy-calls writev,readv --wrapper "$plain"
			refuse nobody-no-aio aio=EACCES --wrapper "$plain"
			run nobody-sanitized "$sanitized" --suite api --no-suite once --wrapper \
				"$source/tests/as_nobody.sh $sanitized $work/sanitized"
		fi
	fi
fi
"$source/tests/tally.py" "${logs[@]}"
