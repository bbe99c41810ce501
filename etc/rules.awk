# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# awk -v group=G -v libexecdir=D -f rules.awk readers.list \
#	61-ifd-ccidtrack.rules.in
# Prints the udev rules: the template with the readers whose interface class is
# the vendor's own, with the lines marked @group@ unless G is empty, and with
# those marked @scan@ unless D is.

BEGIN { FS = "\t" }

FNR == 1 { file++ }

file == 1 {
	if ($3 ~ /ff/)
		devices = devices "ATTR{idVendor}==\"" $1 "\", " \
			"ATTR{idProduct}==\"" $2 "\", " \
			"GOTO=\"ccidtrack_reader\"\n"
	next
}

/^@vendor_class@$/ { printf "%s", devices; next }
sub(/^@group@/, "") && !group { next }
sub(/^@scan@/, "") && !libexecdir { next }
{ gsub(/@pcscd_group@/, group); gsub(/@libexecdir@/, libexecdir); print }
