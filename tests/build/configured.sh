#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# configure for another machine, with a sysroot, and with the packager's own
# flags: paths are those of the other machine, and flags stay as they were given.
# What cannot be is refused, by the name of the option. With every switch set,
# nothing depends on what else is installed; and every switch told of is there.
# Readers belong to a group where pcscd does not run as root any more.
set -u
: "${srcdir:?}"

source=$(cd "$srcdir" && pwd) || exit 99
page=$source/docs/packagers
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

# pcsc-lite VERSION, as pkg-config is told, in a directory of that name
pretend()
{
	mkdir "$1" && sed "s/^Version:.*/Version: $1/" \
		"$(pkg-config --variable=pcfiledir libpcsclite)/libpcsclite.pc" \
		>"$1/libpcsclite.pc" || exit 99
}

pretend 2.4.0
env -u usbdropdir PKG_CONFIG_SYSROOT_DIR=$sysroot PKG_CONFIG_PATH="$PWD/2.4.0" \
	sh "$source/configure" -q \
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
is pcscd_group pcscd
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

# refuses OPTION NAME: tells which one it was
refuses()
{
	if sh "$source/configure" -q --disable-tests --without-cacard \
		CC=cc "$1" >log 2>&1; then
		echo "takes $1"
		failed=1
	elif ! grep -q "error: .*$2" log; then
		echo "refuses $1 without a word of it:"
		cat log
		failed=1
	fi
}

refuses --with-localplist=local.plist localplist
refuses --without-localplist localplist
refuses --with-udevrulesdir=rules.d udevrulesdir
refuses --enable-usbdropdir=drivers usbdropdir

# with_all_switches DIRECTORY [ASSIGNMENT...]
with_all_switches()
{
	mkdir "$1" && cd "$1" || exit 99
	shift
	sh "$source/configure" -q CC=cc --enable-usbdropdir=/drivers \
		--with-udevrulesdir=/rules --with-systemdsystemunitdir=/units \
		--with-bashcompletiondir=/completions --with-pcscd-group=no \
		--disable-probes --disable-tests --without-cacard \
		"$@" >log 2>&1 || { cat log; exit 1; }
	sed -e '/^PKG_CONFIG/d' -e '/^udevdir/d' -e "s|$PWD|.|g" Makefile config.h >said
	cd .. || exit 99
}

# A machine with nothing but what is needed.
cat >poor <<'END'
#!/bin/sh
case " $* " in
*" udev "* | *" systemd "* | *cmocka* | *libcacard*) exit 1 ;;
esac
exec pkg-config "$@"
END
chmod 755 poor
with_all_switches rich
with_all_switches lean PKG_CONFIG="$work/poor"
if ! diff rich/said lean/said; then
	echo "depends on what is there by chance"
	failed=1
fi

sh "$source/configure" --help >help
tr -cs 'a-z-' '\n' <"$page" | grep -E '^--(enable|disable|with|without)-' |
	sort -u >told
[ "$(wc -l <told)" -ge 12 ] || { echo "the page was not understood"; failed=1; }
while read -r option; do
	grep -qE -e "--(enable|disable|with|without)-${option#--*-}\>" help && continue
	echo "docs/packagers tells of $option, which configure does not know"
	failed=1
done <told
exit $failed
