#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# release.sh [final]: the recipes and NEWS tell the version that is built. final:
# and nothing is left that has to be set before it can be published.
set -u
: "${srcdir:?}"
failed=0
packaging=$srcdir/packaging
version=$(sed -n 's/^AC_INIT(\[ccidtrack\], \[\(.*\)\])$/\1/p' \
	"$srcdir/configure.ac")

fail()
{
	echo "$*"
	failed=1
}

# same FILE VERSION
same()
{
	[ "$2" = "$version" ] || fail "$1 tells version $2, not $version"
}

[ -n "$version" ] || fail "configure.ac tells no version"
same NEWS "$(sed -n '1s/^ccidtrack \([^ ]*\) .*/\1/p' "$srcdir/NEWS")"
same debian/changelog \
	"$(sed -n '1s/.*(\(.*\)-[^-]*).*/\1/p' "$packaging/debian/changelog")"
same ccidtrack.spec \
	"$(sed -n 's/^Version: *//p' "$packaging/rpm/ccidtrack.spec")"
same ccidtrack.spec "$(sed -n '/^%changelog/,$ s/^\* .* - \(.*\)-[^-]*$/\1/p' \
	"$packaging/rpm/ccidtrack.spec" | head -n 1)"
same PKGBUILD "$(sed -n 's/^pkgver=//p' "$packaging/arch/PKGBUILD")"
same APKBUILD "$(sed -n 's/^pkgver=//p' "$packaging/alpine/APKBUILD")"

[ "${1-}" = final ] || exit $failed

# None of these can be made up: HACKING, "Releases".
grep -rn 'example\.org' "$packaging" &&
	fail "addresses and home page are placeholders"
grep -q '<url type="homepage">https' "$srcdir/etc/metainfo.xml.in" ||
	fail "etc/metainfo.xml.in has no home page"
grep -q "<release version=\"$version\"" "$srcdir/etc/metainfo.xml.in" ||
	fail "etc/metainfo.xml.in does not know the release"
grep -q 'BEGIN PGP PUBLIC KEY' "$srcdir/KEYS" 2>/dev/null ||
	fail "KEYS has no public key"
[ -e "$packaging/debian/watch" ] || fail "debian/watch is missing"
grep -n 'not released yet' "$srcdir/NEWS" && fail "NEWS has no date"
grep -n 'no release yet' "$srcdir/docs/packagers" &&
	fail "docs/packagers is out of date"
exit $failed
