# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# awk -v version=V -f plist.awk readers.list Info.plist.in
# Prints Info.plist: the template with the readers in its three lists.

function string(text)
{
	gsub(/&/, "\\&amp;", text)
	return "\t\t<string>" text "</string>\n"
}

BEGIN { FS = "\t" }

FNR == 1 { file++ }

file == 1 && /^#/ { next }

file == 1 {
	if (NF != 4 || $4 == "") {
		print FILENAME ":" FNR ": not four fields" > "/dev/stderr"
		exit 1
	}
	vendors = vendors string("0x" toupper($1))
	products = products string("0x" toupper($2))
	names = names string($4)
	next
}

/^@vendors@$/ { printf "%s", vendors; next }
/^@products@$/ { printf "%s", products; next }
/^@names@$/ { printf "%s", names; next }
{ gsub(/@VERSION@/, version); print }
