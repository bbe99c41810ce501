#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Every command that the documents tell stands in the list beside this file, and
# so is run by somebody; the list has no others.
set -u
: "${srcdir:?}"
list=$srcdir/tests/docs/commands
failed=0

# Of a text: paragraphs indented by four blanks, but for options of configure.
commands_of_text()
{
	awk '/^    [^ ]/ && (before == "" || inside) {
			inside = 1
			if ($1 !~ /^-/)
				print substr($0, 5)
		}
		!/^    / { inside = 0 }
		{ before = $0 }' "$@"
}

# HACKING has maps there, too; a command has its explanation behind it.
commands_of_hacking()
{
	commands_of_text "$srcdir/HACKING" | sed -n 's/   .*//; /^make /p'
}

# Of a manual: lines that are shown, and blocks unless of another language.
commands_of_manual()
{
	sed -n -e 's/^\.Dl //p' -e '/^\.Bd -literal/,/^\.Ed/ {
		/^\./d
		p
	}' "$@" | grep -v -e '^[<[:blank:]}]' -e '^polkit'
}

# Whether as root or by sudo is the same command.
told=$({
	commands_of_text "$srcdir/README" "$srcdir/docs/administrators" \
		"$srcdir/docs/packagers"
	commands_of_hacking
	commands_of_manual "$srcdir"/man/*
} | sed 's/^sudo //' | sort -u)
run=$(awk -F '\t' 'NF == 3 && $2 != "do" { print $3 }' "$list" |
	sed 's/^sudo //' | sort -u)

for side in told run; do
	eval "[ -n \"\$$side\" ]" && continue
	echo "no commands: $side"
	exit 1
done
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
echo "$told" >"$work/told"
echo "$run" >"$work/run"
unknown=$(comm -23 "$work/told" "$work/run")
[ -z "$unknown" ] || { echo "told, and nobody runs it:
$unknown"; failed=1; }
old=$(comm -13 "$work/told" "$work/run")
[ -z "$old" ] || { echo "run, and no document tells it:
$old"; failed=1; }

# Whoever is said to run it does so.
sed -n 's/^in	\([^:]*\): \([^	]*\)	.*/\1 \2/p' "$list" |
while read -r file text; do
	if [ ! -e "$srcdir/$file" ]; then
		echo "$file is not here: not looked at"	# as in a tarball
	elif ! grep -qF -e "$text" "$srcdir/$file"; then
		echo "$file does not say: $text"
		exit 1
	fi
done || failed=1
exit $failed
