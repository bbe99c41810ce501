# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# awk -f metainfo.awk readers.list ccidtrack.metainfo.xml.in
# Prints what software centres read: the template, which knows readers by the
# class of their interface, with those whose interface has the vendor's own.

BEGIN { FS = "\t" }

FNR == 1 { file++ }

file == 1 {
	if ($3 ~ /ff/)
		aliases = aliases "    <modalias>usb:v" toupper($1) "p" \
			toupper($2) "d*</modalias>\n"
	next
}

/^@modaliases@$/ { printf "%s", aliases; next }
{ print }
