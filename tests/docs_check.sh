#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Checks the documents: the example of README.md and of machvm(7) is
# examples/readme.c, every link leads somewhere, no path of one particular
# machine has slipped in, and the manual is sound (man_check.sh).
#
#   docs_check.sh         says what is wrong, one line each; status 0 when nothing is
set -u
LC_ALL=C
export LC_ALL

cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

texts='README.md CONTRIBUTING.md SECURITY.md doc/*.md'
documents="$texts NEWS man/*.[1-9]"

complain() {
	echo "docs_check: $*"
	: >"$work/failed"
}

for document in README.md CONTRIBUTING.md SECURITY.md NEWS LICENSE \
	doc/architecture.md doc/mach-differences.md doc/limits.md doc/reliability.md; do
	[ -s "$document" ] || complain "$document is missing"
done

awk '/^```c$/{on = 1; next} /^```$/{on = 0} on' README.md >"$work/readme.c"
cmp -s "$work/readme.c" examples/readme.c ||
	complain "the C example of README.md is not examples/readme.c"

# mdoc writes a backslash as \e.
awk '/^\.Sh /{here = $2 == "EXAMPLES"} here && /^\.Ed$/{exit} on; here && /^\.Bd /{on = 1}' \
	man/machvm.7 | sed 's/\\e/\\/g' >"$work/machvm.c"
cmp -s "$work/machvm.c" examples/readme.c ||
	complain "the example of machvm(7) is not examples/readme.c"

# What stands in the targets of [text](target); code blocks are not text.
for document in $texts; do
	awk '/^```/{code = !code; next} !code' "$document" |
		grep -o '](\([^)]*\))' | sed 's/^](//; s/)$//' >"$work/targets"
	while read -r target; do
		case "$target" in
		http://* | https://* | mailto:*) continue ;;
		'#'*) file=$document ;;
		/*)
			complain "$document links to the absolute path $target"
			continue
			;;
		*) file=$(dirname "$document")/${target%%#*} ;;
		esac
		if [ ! -e "$file" ]; then
			complain "$document links to $target, which is not there"
			continue
		fi
		case "$target" in
		*'#'*)
			# A heading as the web shows it: small letters, dashes, no punctuation.
			sed -n 's/^##* //p' "$file" | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9_\n-' |
				grep -qx -- "${target#*#}" ||
				complain "$document links to $target, and $file has no such heading"
			;;
		esac
	done <"$work/targets"
done

# Files and folders that a text names in backquotes exist.
for document in $texts; do
	awk '/^```/{code = !code; next} !code' "$document" |
		grep -oE '`(src|doc|man|tests|examples|cli|bench|fuzz|include)/[A-Za-z0-9_./-]*`' |
		tr -d '`' | sort -u | while read -r path; do
		[ -e "$path" ] || complain "$document names $path, which is not there"
	done
done

# Every absolute path must be one that any Linux system has.
for document in $documents; do
	grep -noE '(^|[^A-Za-z0-9_.~<>/)-])/[a-z][A-Za-z0-9_.-]*(/[A-Za-z0-9_.-]*)*' "$document" |
		grep -vE ':[^/]*/(proc|sys|dev|usr|etc|lib|secretmem|run)(/|$)' |
		while read -r found; do
			complain "$document:$found looks like a path of one machine"
		done
done

tests/man_check.sh || : >"$work/failed"

[ ! -e "$work/failed" ]
