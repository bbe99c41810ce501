#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Each probe of probe.h is in the module, with the arguments that probe.h tells
# of; the example uses no others.
set -u
: "${srcdir:?}"
failed=0

if [ -z "$PROBES" ]; then
	echo "built without probes (systemtap-sdt-dev)"
	exit 77
fi

fail()
{
	echo "$*"
	failed=1
}

# NAME ARGUMENTS, for each probe that probe.h defines
defined=$(sed -n 's/.*PROBE(\([0-9]\), \([a-z]*\), .*/\2 \1/p' \
	"$srcdir/src/probe.h" | sort -u)

# the same out of the module
notes=$("$READELF" -n "$MODULE" | awk '
	/Provider:/ { ours = $2 == "ccidtrack" }
	ours && /Name:/ { name = $2 }
	ours && /Arguments:/ { print name, NF - 1 }' | sort -u)

[ -n "$defined" ] || fail "probe.h defines nothing"
[ "$defined" = "$notes" ] || fail "defined:
$defined
in the module:
$notes"

used=$(sed -n 's/^usdt:.*:ccidtrack:\([a-z]*\).*/\1/p' \
	"$srcdir/etc/ccidtrack.bt")
for name in $used; do
	echo "$notes" | grep -q "^$name " || fail "no probe $name"
done

exit $failed
