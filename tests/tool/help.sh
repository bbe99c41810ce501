#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# --help, the manual and the completion know the same commands and options, and
# the manual knows every name that check gives to a fault, and so does a test.
# shellcheck shell=bash
if [ -z "${BASH_VERSION:-}" ]; then
	command -v bash >/dev/null && exec bash "$0"
	echo "bash is not installed"
	exit 77
fi
set -u
: "${srcdir:?}" "${CCIDTRACK:?}"
failed=0
manual=$srcdir/man/ccidtrack.1

fail()
{
	echo "$*"
	failed=1
}

# shellcheck source=/dev/null
. "$srcdir/completions/ccidtrack"

# complete WORD...: what may stand for the last word
complete_words()
{
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	_ccidtrack 2>/dev/null
	printf '%s\n' "${COMPREPLY[@]}" | sort
}

same()
{
	[ "$2" = "$3" ] || fail "$1:
$2
is not
$3"
}

commands=$("$CCIDTRACK" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p' | sort)
[ -n "$commands" ] || fail "--help tells no commands"
same "completion of commands" "$(complete_words ccidtrack '' | grep -v '^-')" \
	"$commands"
same "manual's commands" \
	"$(sed -n 's/^\.It Cm \([a-z]*\)$/\1/p' "$manual" |
		grep -xF "$commands" | sort)" "$commands"

for command in $commands; do
	help=$("$CCIDTRACK" "$command" --help) || fail "$command --help fails"
	options=$(echo "$help" | sed -n 's/^  \(--[a-z-]*\)[= ].*/\1/p' | sort)
	same "completion of $command" \
		"$(complete_words ccidtrack "$command" - | tr -d =)" "$options"
	usage=$(echo "$help" | sed '/^$/q')
	for option in $options; do
		grep -q -e "Fl -${option#--}" "$manual" ||
			fail "the manual does not know $option"
		[ "$option" = --help ] || [[ $usage = *"$option"* ]] ||
			fail "the usage of $command does not name $option"
	done
	"$CCIDTRACK" "$command" --no-such-option >/dev/null 2>&1
	[ $? -eq 2 ] || fail "$command takes any option"
	echo "$help" | grep -q 'Exit code' || fail "$command: no exit codes"
	[ "$(echo "$help" | wc -L)" -lt 80 ] || fail "$command: a long line"
done

same "a value" "$(complete_words ccidtrack scan --policy = a)" all
same "a file's place" "$(complete_words ccidtrack trace '')" ''
same "a reader's place" "$(CCIDTRACK_ROOT=/nonexistent PATH=${CCIDTRACK%/*}:$PATH \
	complete_words ccidtrack list '')" ''
same "a value before =" "$(complete_words ccidtrack list --color = '')" \
	"$(printf '%s\n' always auto never)"

"$CCIDTRACK" >/dev/null 2>&1
[ $? -eq 2 ] || fail "no command is wrong usage"
"$CCIDTRACK" nonsense >/dev/null 2>&1
[ $? -eq 2 ] || fail "an unknown command is wrong usage"
"$CCIDTRACK" --version | grep -q '^ccidtrack [0-9]' || fail "no version"

for wrong in x -1 1x ''; do
	"$CCIDTRACK" scan --dry-run --wait="$wrong" >/dev/null 2>&1
	[ $? -eq 2 ] || fail "scan waits for \"$wrong\" seconds"
done

while read -r name; do
	grep -q -e "^\.It Cm .*\b$name\b" "$manual" ||
		fail "the manual does not know the fault $name"
	grep -q -e "\"$name\"" "$srcdir/tests/tool/check.py" ||
		fail "no test has the fault $name"
done < <(sed -n 's/.*findings_\(bad\|note\)("\([a-z-]*\)".*/\2/p' \
	"$srcdir"/tool/*.c)

if command -v mandoc >/dev/null; then
	mandoc -Tlint -Wwarning "$manual" || fail "mandoc complains"
fi

exit $failed
