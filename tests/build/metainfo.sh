#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# What software centres read is valid, and claims the readers that the driver
# lists: by the class of the interface, or one by one where it is the vendor's.
set -u
: "${srcdir:?}" "${METAINFO:?}"
failed=0

if ! command -v appstreamcli >/dev/null; then
	echo "appstreamcli is not installed (appstream)"
	exit 77
fi

fail()
{
	echo "$*"
	failed=1
}

said=$(appstreamcli validate --no-net --pedantic --no-color "$METAINFO") ||
	fail "$said"

grep -qF "<id>${METAINFO%.metainfo.xml}</id>" "$METAINFO" ||
	fail "$METAINFO is not named by its id"
grep -qF '<modalias>usb:*ic0Bisc00ip*</modalias>' "$METAINFO" ||
	fail "the class is not claimed"

listed=$(awk -F '\t' '$3 ~ /ff/ { print toupper($1) toupper($2) }' \
	"$srcdir/etc/readers.list")
claimed=$(sed -n 's/.*>usb:v\(....\)p\(....\)d\*<.*/\1\2/p' "$METAINFO")
[ -n "$listed" ] || fail "no reader with a class of its vendor's is listed"
[ "$claimed" = "$listed" ] || fail "listed: $listed
claimed: $claimed"

exit $failed
