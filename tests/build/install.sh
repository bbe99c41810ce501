#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# make install puts its files into place, make uninstall leaves nothing; Info.plist
# may lie elsewhere, with a link in the bundle.
set -u

root=$(mktemp -d) || exit 99
trap 'rm -rf "$root"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL

make_in_root()
{
	"$MAKE" -s infoplist= "$@" DESTDIR="$root" usbdropdir=/drivers \
		udevrulesdir=/rules systemdsystemunitdir=/units \
		bashcompletiondir=/completions bindir=/bin \
		libexecdir=/libexec mandir=/man metainfodir=/metainfo \
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

# Nothing in the text files is still to be filled in, and the scanner is called
# where it was configured to lie.
texts=$(cd "$root" && find rules units -type f 2>/dev/null)
for text in $texts; do
	if grep -q '@[a-z_]*@' "$root/$text"; then
		echo "$text: words left to be filled in"
		exit 1
	fi
	case $INSTALLED in
	*bin/ccidtrack*)
		if ! grep -qF "$LIBEXECDIR/ccidtrack-scan" "$root/$text"; then
			echo "$text does not call $LIBEXECDIR/ccidtrack-scan"
			exit 1
		fi ;;
	esac
done

make_in_root uninstall
left()
{
	left=$(cd "$root" && find . ! -type d; find "$root" -name '*.bundle*')
	[ -z "$left" ] || { echo "left over: $left"; exit 1; }
}
left

link=$root/drivers/ifd-ccidtrack.bundle/Contents/Info.plist
for _ in first again; do
	make_in_root install infoplist=/plists/ccidtrack_Info.plist
	if [ "$(readlink "$link")" != /plists/ccidtrack_Info.plist ] ||
		! grep -q CFBundleExecutable "$root$(readlink "$link")"; then
		echo "Info.plist is no link to where it lies"
		exit 1
	fi
done
make_in_root uninstall infoplist=/plists/ccidtrack_Info.plist
left
