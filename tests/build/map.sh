#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# HACKING's map names every source file and every directory of tests, and none
# that is not there. The ways through the code name functions that are in the
# files that they are said to be in, and the table of faults names tests that
# there are.
set -u
: "${srcdir:?}"
failed=0
ways=$(mktemp) || exit 99
trap 'rm -f "$ways"' EXIT

fail()
{
	echo "$*"
	failed=1
}

map=$(awk '/^The map$/ { inside = 1 } /^The way of a card/ { exit } inside' \
	"$srcdir/HACKING")
[ -n "$map" ] || fail "HACKING has no map"
names=$(echo "$map" | grep -oE '[a-z0-9_]+[*]?\.[ch]\b')

# x.h stands for x.c beside it; a star for some.
for path in "$srcdir"/src/*.[ch] "$srcdir"/tool/*.[ch]; do
	file=${path##*/}
	known=
	for name in $names; do
		# shellcheck disable=SC2254 # a pattern it is
		case ${file%.[ch]} in
		${name%.[ch]}) known=yes ;;
		esac
	done
	[ -n "$known" ] || fail "${path#"$srcdir"/} is not on the map"
done
for name in $names; do
	[ -n "$(find "$srcdir/src/" "$srcdir/tool/" -name "$name")" ] ||
		fail "$name is on the map alone"
done

for path in "$srcdir"/tests/*/; do
	path=${path%/}
	echo "$map" | grep -q "^    tests/${path##*/} " ||
		fail "tests/${path##*/} is not on the map"
done

# FILE... FUNCTION, what it does; x_step is one of each file
awk '/^The way of a card/ { inside = 1 } /^The request/ { inside = 0 }
	/^The way of an APDU/ { inside = 1 } /^When a command/ { exit }
	inside && /^    [a-z0-9_]+\.c /' "$srcdir/HACKING" >"$ways"
[ -s "$ways" ] || fail "HACKING has no ways"
while read -r line; do
	function=$(echo "$line" | sed 's/^\([a-z0-9_]*\.c  *\)*\([A-Za-z_]*\).*/\2/')
	case $function in
	*_* | IFDH*) ;;
	*) continue ;;
	esac
	for file in $(echo "$line" | grep -oE '^([a-z0-9_]+\.c +)+'); do
		grep -q "\b${function#x}(" "$srcdir/src/$file" ||
			grep -q "[a-z0-9]${function#x}(" "$srcdir/src/$file" ||
			fail "$file has no $function"
	done
done <"$ways"

# The last column; some rows go on in the next line.
tests=$(awk '/^Descriptors and open/ { inside = 1 } /^What looks at/ { exit }
	inside { print substr($0, 65) }' "$srcdir/HACKING")
[ -n "$tests" ] || fail "HACKING has no table of faults"
for name in $tests; do
	file=${name#*:}
	case $name in
	u:*) path=unit/test_$file.c ;;
	e:*) path=e2e/$file.py ;;
	f:*) path=fuzz/fuzz_$file.c ;;
	explore) path=explore/explore.c ;;
	system) path=system/guest.py ;;
	random | disorder | reopen) path=core/$file.c ;;
	*) path=core/test_$file.c ;;
	esac
	[ -f "$srcdir/tests/$path" ] || fail "there is no test $name"
done
exit $failed
