#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Each header compiles alone, and none of the driver is missing from the lists
# of Makefile.am.
set -u
: "${srcdir:?}"
failed=0

fail()
{
	echo "$*"
	failed=1
}

for header in $HEADERS; do
	echo "#include \"${header#src/}\"" | eval "$COMPILE_HEADER" ||
		fail "$header does not compile alone"
done

for path in "$srcdir"/tool/*.h; do
	echo "#include \"${path##*/}\"" |
		eval "$COMPILE_HEADER -I$srcdir/tool" ||
		fail "tool/${path##*/} does not compile alone"
done

for path in "$srcdir"/src/*.h; do
	case " $HEADERS " in
	*" src/${path##*/} "*) ;;
	*) fail "${path##*/} is in no list of Makefile.am" ;;
	esac
done

exit $failed
