#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# make install puts its files into place, make uninstall leaves nothing.
set -u

root=$(mktemp -d) || exit 99
trap 'rm -rf "$root"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL

make_in_root()
{
	"$MAKE" -s "$1" DESTDIR="$root" usbdropdir=/drivers \
		udevrulesdir=/rules systemdsystemunitdir=/units \
		bashcompletiondir=/completions bindir=/bin \
		libexecdir=/libexec man1dir=/man1 man5dir=/man5 \
		>"$root.log" 2>&1 && rm -f "$root.log" && return
	cat "$root.log"
	rm -f "$root.log"
	exit 1
}

make_in_root install
found=$(cd "$root" && find . ! -type d | sed 's|^\./||' | sort)
# shellcheck disable=SC2086 # a list of words
wanted=$(printf '%s\n' $INSTALLED | sort)
if [ "$found" != "$wanted" ]; then
	echo "installed: $found"
	echo "wanted: $wanted"
	exit 1
fi

make_in_root uninstall
left=$(cd "$root" && find . ! -type d; find "$root" -name '*.bundle*')
[ -z "$left" ] && exit 0
echo "left over: $left"
exit 1
