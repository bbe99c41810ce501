#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# The figures can be measured: a few of each, whose numbers say nothing.
set -u
: "${srcdir:?}" "${BUNDLE:?}"

if ! command -v python3 >/dev/null; then
	echo "python3 is not installed"
	exit 77
fi
exec timeout -k 10 300 \
	python3 "$srcdir/tests/bench/figures" --short "$BUNDLE"
