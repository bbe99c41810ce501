#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# make install puts four files into place, make uninstall leaves nothing.
set -u

root=$(mktemp -d) || exit 99
trap 'rm -rf "$root"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL

make_in_root()
{
	"$MAKE" -s "$1" DESTDIR="$root" usbdropdir=/drivers \
		udevrulesdir=/rules mandir=/man >"$root.log" 2>&1 && rm -f "$root.log" && return
	cat "$root.log"
	rm -f "$root.log"
	exit 1
}

make_in_root install
found=$(cd "$root" && find . -type f | sort | tr '\n' ' ')
bundle=./drivers/ifd-ccidtrack.bundle/Contents
wanted="$bundle/Info.plist $bundle/$BUNDLE_OS/libccidtrack.so "
wanted="$wanted./man/man5/ccidtrack.plist.5 "
[ -z "$UDEV_RULES" ] || wanted="$wanted./rules/61-ifd-ccidtrack.rules "
if [ "$(echo "$found" | tr ' ' '\n' | sort)" != \
	"$(echo "$wanted" | tr ' ' '\n' | sort)" ]; then
	echo "installed: $found"
	echo "wanted: $wanted"
	exit 1
fi

make_in_root uninstall
left=$(cd "$root" && find . ! -type d; find "$root" -name '*.bundle*')
[ -z "$left" ] && exit 0
echo "left over: $left"
exit 1
