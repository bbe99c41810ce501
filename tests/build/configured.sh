#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# configure for another machine, with a sysroot, and with the packager's own
# flags: paths are those of the other machine, and flags stay as they were given.
set -u
: "${srcdir:?}"

source=$(cd "$srcdir" && pwd) || exit 99
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 99
failed=0

# A source in which something was configured takes no other place to build in.
[ ! -e "$source/config.status" ] || {
	mkdir source && cp -a "$source/configure" "$source/configure.ac" \
		"$source/Makefile.in" "$source/aclocal.m4" "$source/build-aux" \
		"$source/config.h.in" "$source/src" source/ || exit 99
	source=$work/source
}

sysroot=/nowhere/sysroot
given='-O1 -D_FORTIFY_SOURCE=2'
link=-Wl,--as-needed
real=$(pkg-config --variable=usbdropdir libpcsclite) || {
	echo "pkg-config does not know libpcsclite"
	exit 77
}

env -u usbdropdir PKG_CONFIG_SYSROOT_DIR=$sysroot sh "$source/configure" -q \
	--host=x86_64-unknown-freebsd14 --disable-tests --without-cacard \
	CC=cc CFLAGS="$given" LDFLAGS="$link" >log 2>&1 || { cat log; exit 1; }

# is NAME VALUE: what the Makefile says
is()
{
	found=$(sed -n "s|^$1 = ||p" Makefile)
	[ "$found" = "$2" ] && return
	echo "$1 is $found, not $2"
	failed=1
}

is usbdropdir "$real"
is bundle_os FreeBSD
is CFLAGS "$given"
is LDFLAGS "$link"
for name in udevrulesdir systemdsystemunitdir; do
	sed -n "s|^$name = ||p" Makefile | grep -q "$sysroot" || continue
	echo "$name begins with the sysroot"
	failed=1
done
if sed -n 's/^HARDENING = //p' Makefile | grep -q FORTIFY; then
	echo "hardening of ours beside the packager's"
	failed=1
fi
exit $failed
