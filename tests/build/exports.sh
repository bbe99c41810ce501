#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# What the modules show to pcscd, what it wants from outside, and how it is
# linked: they share one process and one name space with pcscd and other drivers.
set -u
: "${srcdir:?}"
failed=0

if ! command -v "$NM" >/dev/null || ! command -v "$READELF" >/dev/null; then
	echo "nm or readelf is not installed"
	exit 77
fi

fail()
{
	echo "$*"
	failed=1
}

symbols()
{
	"$NM" -D "$@" "$MODULE" || exit 99
}

# The flags were taken; this is what they leave. Not every C library has
# functions that check sizes.
check_hardening()
{
	case $HARDENING in
	*-fstack-protector*)
		symbols --undefined-only | grep -q __stack_chk_ ||
			fail "no stack is protected" ;;
	esac
	case "$HARDENING $needed" in
	*-D_FORTIFY_SOURCE*libc.so.6*)
		symbols --undefined-only | grep -v __stack_chk_ |
			grep -q '_chk\(@\|$\)' || fail "no size is checked" ;;
	esac
}

check_module()
{
	exported=$(symbols --defined-only | awk '{ print $NF }' | sort)
	[ "$exported" = "$(sort "$srcdir/src/libccidtrack.sym")" ] ||
		fail "$MODULE exports not what pcscd calls, no more and no less: $exported"

	for name in log_msg log_xxd; do
		symbols --undefined-only | grep -q " U $name\$" &&
			fail "$name is no weak reference: other hosts cannot load us"
	done

	# Sanitizers bring their own.
	if [ -z "$SANITIZE" ]; then
		for name in $(symbols --undefined-only | awk '{ sub(/@.*/, "", $2); print $2 }'); do
			case $name in
			exit | _exit | abort | __assert_fail | raise | kill | alarm | \
			signal | sigaction | printf | __printf_chk | puts | putchar | \
			perror | system | popen | exec* | fork | atexit | __cxa_atexit | \
			pthread_atfork | pthread_cancel | dlopen | getenv | setenv | \
			chdir | umask | rand | srand)
				fail "$name is not for a library inside a daemon" ;;
			esac
		done
	fi

	dynamic=$("$READELF" -dW "$MODULE")
	segments=$("$READELF" -lW "$MODULE")
	echo "$dynamic" | grep -q -e BIND_NOW -e 'FLAGS.*NOW' || fail "not bound at load"
	echo "$dynamic" | grep -q TEXTREL && fail "text is relocated"
	echo "$dynamic" | grep -q -e RPATH -e RUNPATH && fail "has a search path"
	echo "$segments" | grep -q GNU_RELRO || fail "relocations stay writable"
	echo "$segments" | grep 'GNU_STACK' | grep -q 'RWE' && fail "stack is executable"

	needed=$(echo "$dynamic" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p')
	for library in $needed; do
		case $library in
		libusb-1.0.so.* | libexpat.so.* | libc.so* | libpthread.so.* | \
		ld-linux* | ld-musl* | libc.musl*) ;;
		libasan.so.* | libubsan.so.* | libtsan.so.* | libgcc_s.so.* | libm.so.*)
			[ -n "$SANITIZE" ] || fail "needs $library" ;;
		*)
			fail "needs $library" ;;
		esac
	done
	check_hardening
}

# shellcheck disable=SC2153 # by make
for MODULE in $MODULES; do
	check_module
done

# pcscd would mix up the readers of one file in two bundles.
# shellcheck disable=SC2086 # a list of words
[ "$(sha256sum $MODULES | sort -u -k 1,1 | wc -l)" = "$(echo "$MODULES" | wc -w)" ] ||
	fail "modules are the same: $MODULES"

exit $failed
