#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# No reader is named in the driver but in quirk.c, and each one that is named
# there stands in docs/quirks; the tests that docs/quirks names are there.
set -u
: "${srcdir:?}"
page=$srcdir/docs/quirks
failed=0

fail()
{
	echo "$*"
	failed=1
}

ids=$(sed -n 's/^	{ 0x\([0-9A-F]\{4\}\), 0x\([0-9A-F]\{4\}\), .*/\1:\2/p' \
	"$srcdir/src/quirk.c" | sort -u)
[ "$(echo "$ids" | wc -l)" -ge 30 ] || fail "the table was not understood"

for id in $ids; do
	grep -qi "\b$id\b" "$page" || fail "$id is not in docs/quirks"
	vendor=${id%:*}
	product=${id#*:}
	[ "$product" != 0000 ] || continue
	for source in "$srcdir"/src/*.[ch]; do
		[ "${source##*/}" != quirk.c ] || continue
		grep -qi "0x$vendor.*0x$product" "$source" &&
			fail "${source##*/} names $id"
	done
done

# shellcheck disable=SC2013 # words are what it is about
for test in $(grep -o '\b\(unit\|core\)/test_[a-z_0-9]*' "$page" | sort -u); do
	[ -e "$srcdir/tests/$test.c" ] || fail "$test is not there"
done
# shellcheck disable=SC2013
for case in $(grep -o '\b[a-z0-9]*_[a-z0-9]*_[a-z0-9_]*' "$page" |
	grep -v -e '^test_' -e '^desc_is' | sort -u); do
	grep -qrw "$case" "$srcdir/tests" || fail "no case $case"
done

exit $failed
