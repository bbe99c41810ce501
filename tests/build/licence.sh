#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Every file tells its licence (reuse.software), and none is somebody else's
# that was brought along. In a checkout only: elsewhere nothing says which files
# were made and which belong here.
set -u
: "${srcdir:?}"

if ! command -v reuse >/dev/null; then
	echo "reuse is not installed"
	exit 77
fi
if ! [ -e "$srcdir/.git" ] || ! git -C "$srcdir" rev-parse 2>/dev/null; then
	echo "not a git checkout"
	exit 77
fi
# However it is written: by whom, and since when.
claim='(copyright|\(c\)|©).*(19|20)[0-9][0-9]'
others=$(git -C "$srcdir" grep -niIE -e "$claim" -- . ':!LICENSES' |
	grep -v '2026 The ccidtrack authors')
[ -z "$others" ] || { echo "not ours: $others"; exit 1; }
reuse --root "$srcdir" lint
