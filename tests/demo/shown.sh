#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# The demo shows what it promises, and refuses keys where nobody can press any.
set -u
: "${srcdir:?}" "${BUNDLE:?}"

demo()
{
	timeout -k 10 300 python3 "$srcdir/tests/demo/demo" "$BUNDLE" </dev/null
}

if ! command -v python3 >/dev/null; then
	echo "python3 is not installed"
	exit 77
fi
if INTERACTIVE=1 demo; then
	echo "INTERACTIVE=1 did not want a terminal"
	exit 1
fi
unset INTERACTIVE
demo
