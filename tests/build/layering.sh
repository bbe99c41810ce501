#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Arrows point one way: edges -> core -> pure. Whatever a file includes must be
# of its own layer or of one below.
set -u
: "${srcdir:?}"
failed=0

fail()
{
	echo "$*"
	failed=1
}

includes()
{
	sed -n 's/^[[:blank:]]*#[[:blank:]]*include[[:blank:]]*[<"]\([^>"]*\)[>"].*/\1/p' "$1"
}

# check FILES ALLOWED: nothing but ALLOWED is included by any of FILES
check()
{
	for file in $1; do
		for header in $(includes "$srcdir/$file"); do
			case " $2 " in
			*" $header "*) ;;
			*) fail "$file must not include $header" ;;
			esac
		done
	done
}

# refuse HEADER USERS: nobody but USERS includes HEADER
refuse()
{
	for path in "$srcdir"/src/*.[ch]; do
		includes "$path" | grep -qx "$1" || continue
		case " $2 " in
		*" src/${path##*/} "*) ;;
		*) fail "src/${path##*/} must not include $1" ;;
		esac
	done
}

headers_of()
{
	for file in $1; do
		case $file in
		*.h) printf '%s ' "${file#src/}" ;;
		esac
	done
}

pure_headers=$(headers_of "${PURE:?}")
core_headers=$(headers_of "${CORE:?}")
pure_system="errno.h stdbool.h stddef.h stdint.h string.h"
core_system="$pure_system pthread.h stdarg.h stdio.h stdlib.h time.h unistd.h"
core_system="$core_system sys/sdt.h config.h dlfcn.h expat.h fcntl.h limits.h signal.h sys/stat.h"
check "$PURE" "$pure_headers $pure_system"
check "$CORE" "$pure_headers $core_headers $core_system"
libusb="src/usb.c"
for part in usb_claim usb_error usb_events usb_interface usb_token; do
	libusb="$libusb src/$part.c src/$part.h"
done
# The command shares what is pure, and nothing that blocks or locks.
for path in "$srcdir"/tool/*.[ch]; do
	for header in $(includes "$path"); do
		case " $(headers_of "$CORE") node.h usb_interface.h libusb.h " in
		*" $header "*) fail "tool/${path##*/} must not include $header" ;;
		esac
	done
done

refuse libusb.h "$libusb"
refuse ifdhandler.h "src/ifd.c"
refuse expat.h "src/plist.c"
refuse sys/sdt.h "src/probe.h"

exit $failed
