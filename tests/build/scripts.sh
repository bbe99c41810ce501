#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Nothing is left that shellcheck would say about the project's shell scripts.
set -u
: "${srcdir:?}"

if ! command -v shellcheck >/dev/null; then
	echo "shellcheck is not installed"
	exit 77
fi

# bootstrap, whatever begins as a shell script below tests, and .ci/run, which
# a tarball does not hold.
scripts=$(find "$srcdir/bootstrap" "$srcdir/tests" "$srcdir/.ci" -type f \
	-exec awk 'FNR == 1 && /^#!.*[/ ](ba)?sh/ { print FILENAME }
		{ nextfile }' {} + 2>/dev/null)

# shellcheck disable=SC2086 # a list of words
shellcheck -x $scripts
