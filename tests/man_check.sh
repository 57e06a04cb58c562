#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Checks the manual: every page is clean under mandoc's lint, every exported
# routine has a page or a link, nothing is documented that is not exported, each
# SYNOPSIS says what the headers say, the command's page has all of its verbs and
# options, and links, pages and the list of what is installed agree.
#
#   man_check.sh          says what is wrong, one line each; status 0 when nothing is
set -u
LC_ALL=C
export LC_ALL

cd "$(dirname "$0")/.." || exit 1
map=src/libmachvm.map
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

if ! command -v mandoc >/dev/null; then
	echo "man_check: mandoc is not installed" >&2
	exit 77
fi

complain() {
	echo "man_check: $*"
	: >"$work/failed"
}

# The names that the NAME section of a page gives.
names_of() {
	awk '/^\.Sh /{in_name = $2 == "NAME"} in_name && $1 == ".Nm" {print $2}' "$1"
}

# Data keep macOS's names; mach_task_self_ is described with mach_task_self().
exported=$(sed -n 's/^[[:space:]]*\([a-z][A-Za-z0-9_]*\);.*/\1/p' "$map" | sed 's/_$//' | sort -u)
[ -n "$exported" ] || complain "$map exports nothing"

for page in man/*.[1-9]; do
	mandoc -Tlint -Wwarning "$page" >"$work/lint" 2>&1
	# An old index of the system's own pages is not the page's fault.
	grep -v 'outdated mandoc.db' "$work/lint" >"$work/faults" &&
		complain "$(cat "$work/faults")"
	grep -q "^  '${page#man/}',\$" man/meson.build || complain "$page is not installed"
done

sed -n "s/^  '\(.*\.[1-9]\)',\$/\1/p" man/meson.build | while read -r page; do
	[ -f "man/$page" ] || complain "man/meson.build installs $page, which is not there"
done

while read -r link page; do
	[ -f "man/$page" ] || complain "link $link points to $page, which is not there"
	[ ! -e "man/$link" ] || complain "$link is both a page and a link"
	names_of "man/$page" 2>/dev/null | grep -qx "${link%.*}" ||
		complain "$page does not name ${link%.*} under NAME"
done <man/links
cut -d' ' -f1 man/links | sort | uniq -d | while read -r link; do
	complain "$link is in man/links twice"
done

for page in man/*.[1-9]; do
	section=${page##*.}
	for name in $(names_of "$page"); do
		[ "$name.$section" = "${page#man/}" ] ||
			grep -qx "$name.$section ${page#man/}" man/links ||
			complain "$name is named by $page and has no link"
		[ "$section" != 3 ] || echo "$exported" | grep -qx "$name" ||
			complain "$page documents $name, which is not exported"
	done
done

for name in $exported; do
	[ -f "man/$name.3" ] || grep -q "^$name\.3 " man/links ||
		complain "$name is exported and has no page"
done

# The declarations of a SYNOPSIS, once more behind the headers: the compiler
# refuses two that differ. Parentheses keep mach_task_self() from being a macro.
synopsis_of() {
	awk '
	/^\.Sh /{here = $2 == "SYNOPSIS"}
	!here {next}
	$1 == ".In" {print "#include <" $2 ">"}
	$1 == ".Vt" {sub(/^\.Vt /, ""); sub(/ ;$/, ";"); print}
	$1 == ".Ft" {sub(/^\.Ft /, ""); type = $0}
	$1 == ".Fn" {
		name = $2
		sub(/^\.Fn [^ ]* /, "")
		gsub(/" "/, ", ")
		gsub(/"/, "")
		print type " (" name ")(" $0 ");"
	}
	$1 == ".Fo" {text = type " (" $2 ")("; comma = ""}
	$1 == ".Fa" {sub(/^\.Fa "/, ""); sub(/"$/, ""); text = text comma $0; comma = ", "}
	$1 == ".Fc" {print text ");"}
	' "$1"
}

for page in man/*.3; do
	synopsis_of "$page" >"$work/synopsis.c"
	grep -q '(' "$work/synopsis.c" || complain "$page has no SYNOPSIS that can be read"
	${CC:-cc} -std=gnu17 -fsyntax-only -Iinclude "$work/synopsis.c" 2>"$work/lint" ||
		complain "$page differs from the headers: $(grep -m1 error "$work/lint")"
	for name in $(names_of "$page"); do
		grep -q "[ (]$name[;)]" "$work/synopsis.c" ||
			complain "$page does not declare $name"
	done
done

# Constants of ours that a page names are in the headers.
{
	echo '#include <mach/mach.h>'
	echo '#include <machvm.h>'
	sed -n 's/^\.\(It \)\{0,1\}Dv //p' man/*.[1-9] | tr -s ' ,' '\n\n' |
		grep -E '^(KERN|MACH|MACHVM|VM|HOST|SM|CPU_STATE)_[A-Z]' | sort -u |
		sed 's/.*/_Static_assert(sizeof(&) > 0, "&");/'
} >"$work/constants.c"
${CC:-cc} -std=gnu17 -fsyntax-only -Iinclude "$work/constants.c" 2>"$work/lint" ||
	complain "a page names what no header has: $(grep error "$work/lint")"

# The tables of the command, and its page.
sed -n 's/^[[:space:]]*\.name = "\([a-z]*\)",$/\1/p' cli/verb_*.c >"$work/verbs"
[ -s "$work/verbs" ] || complain "no verb was found in cli/"
while read -r verb; do
	grep -qx "\.Cm $verb" man/machvm.1 || complain "machvm(1) lacks the verb $verb"
	grep -qx "\.Ss $verb" man/machvm.1 || complain "machvm(1) does not describe $verb"
done <"$work/verbs"
grep -hoE "'[A-Za-z]', \"[a-z-]+\"" cli/verb_*.c cli/command.[ch] |
	sed "s/'\(.\)', \"\(.*\)\"/\1 \2/" | sort -u >"$work/options"
[ -s "$work/options" ] || complain "no option was found in cli/"
# Each form of the SYNOPSIS has the letters of its verb's table, and no others.
awk '
/^\.Sh /{here = $2 == "SYNOPSIS"}
!here {next}
$1 == ".Nm" {verb = ""}
$1 == ".Cm" {verb = $2}
verb != "" {
	for (i = 1; i < NF; i++)
		if ($i == "Fl" || $i == ".Fl")
			for (j = 1; j <= length($(i + 1)); j++)
				print verb, substr($(i + 1), j, 1)
}
' man/machvm.1 | sort -u >"$work/in_page"
for table in cli/verb_*.c; do
	verb=$(basename "$table" .c)
	verb=${verb#verb_}
	sed -n "s/^[[:space:]]*{'\(.\)', \".*/$verb \1/p" "$table"
	for shared in $(grep -o '^[[:space:]]OPTION_[A-Z]*,' "$table" | tr -d '\t,'); do
		awk -v name="$shared" -v verb="$verb" '
		$1 == "#define" {on = $2 == name}
		on && match($0, /\047.\047/) {print verb, substr($0, RSTART + 1, 1)}
		' cli/command.h
	done
done | sort -u >"$work/in_table"
diff "$work/in_table" "$work/in_page" >"$work/differ" ||
	complain "machvm(1) and the tables differ (verb, letter): $(grep '^[<>]' "$work/differ" | tr '\n' ';')"

while read -r letter name; do
	grep -qE "Fl -$name( |\$)" man/machvm.1 && grep -qE "^\.(It )?Fl $letter( |\$)" man/machvm.1 ||
		complain "machvm(1) lacks the option -$letter, --$name"
done <"$work/options"

# Our own pages that another one refers to must exist.
sed -n 's/^\.Xr \([^ ]*\) \([1-9]\).*/\1.\2/p' man/*.[1-9] | sort -u |
	grep -E '^(machvm|mach_|vm_|host_|task_|pid_for_)' | while read -r reference; do
	[ -f "man/$reference" ] || grep -q "^$reference " man/links ||
		complain "a page refers to $reference, which is not there"
done

[ ! -e "$work/failed" ]
