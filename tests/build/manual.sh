#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# The driver's manual is clean and complete: it names the places as they were
# configured, and pages that are there.
set -u
: "${srcdir:?}" "${INSTALLED:?}"
manual=ifd-ccidtrack.8
failed=0

fail()
{
	echo "$*"
	failed=1
}

if command -v mandoc >/dev/null; then
	said=$(mandoc -Tlint -Wwarning "$manual") || fail "$said"
else
	echo "mandoc is not installed: the manual's own rules are not checked"
fi

grep '@[a-z_]*@' "$manual" && fail "words left to be filled in"

for place in "$USBDROPDIR/ifd-ccidtrack.bundle" "$LOCALPLIST" "$OPTIONS_FILE"; do
	grep -qF "$place" "$manual" || fail "$place is not told"
done

pages=$(sed -n 's/^\.Xr \(ccidtrack[^ ]*\) \([0-9]\).*/\1.\2/p' "$manual")
for page in $pages; do
	case " $INSTALLED " in
	*"/$page "* | *"/$page") ;;
	*" bin/ccidtrack "*)
		fail "there is no $page" ;;
	esac
done

exit $failed
