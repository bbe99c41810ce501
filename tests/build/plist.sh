#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Info.plist is XML, and also what pcscd reads it as: a row of keys and strings,
# each in one line, comments unknown. One list shorter than the others, and
# pcscd does not start.
set -u
plist=Info.plist
failed=0

if command -v xmllint >/dev/null; then
	xmllint --noout --nonet "$plist" || failed=1
else
	echo "# xmllint is not installed: XML not checked"
fi

# shellcheck disable=SC2016 # awk's own
"${AWK:-awk}" '
function fail(text)
{
	print FILENAME ":" FNR ": " text
	failed = 1
}

function content(line, tag)
{
	sub("^[ \t]*<" tag ">", "", line)
	sub("</" tag ">$", "", line)
	return line
}

/<!--/ { comment = 1 }

comment && /#|<key>|<string>|<\/string>/ {
	fail("pcscd takes comments for what they say")
}

/#/ && !/<string>[^<]*#[^<]*<\/string>/ { fail("# hides the rest of the line") }

/[^ -~\t]/ { fail("not ASCII") }

!comment && /key>/ {
	if (!/^[ \t]*<key>[A-Za-z0-9 ]+<\/key>$/)
		fail("pcscd does not see this key")
	key = content($0, "key")
	if (key in seen)
		fail("the key " key " stands here a second time")
	seen[key] = 1
}

!comment && /string>/ {
	if (!/^[ \t]*<string>[^<>]+<\/string>$/)
		fail("pcscd does not see this value")
	if (!key)
		fail("a value before any key")
	value = content($0, "string")
	values[key, count[key]++] = value
	gsub(/&amp;/, "", value)
	if (value ~ /&/)
		fail("pcscd knows no entity but &amp;")
	if (length(value) >= 100)
		fail("too long for the name of a reader")
	if (value ~ /^ | $/)
		fail("blanks at an end")
}

/-->/ { comment = 0 }

END {
	n = count["ifdVendorID"]
	if (n < 1 || count["ifdProductID"] != n || count["ifdFriendlyName"] != n)
		fail("vendors, products and names are not equally many")
	for (i = 0; i < n; i++) {
		vendor = values["ifdVendorID", i]
		product = values["ifdProductID", i]
		if (vendor product !~ /^0x[0-9A-F][0-9A-F][0-9A-F][0-9A-F]0x[0-9A-F][0-9A-F][0-9A-F][0-9A-F]$/)
			fail("ids are not like 0x0123: " vendor " " product)
		if (vendor product <= last)
			fail("not sorted, or twice: " vendor " " product)
		last = vendor product
	}
	if (values["CFBundleExecutable", 0] != "libccidtrack.so")
		fail("pcscd would look for another module")
	name = values["CFBundleName", 0]
	if (name == "" || name == "CCIDCLASSDRIVER")
		fail("with this CFBundleName a class driver is no fall-back")
	split("ifdCapabilities ifdLogLevel ifdDriverOptions ifdPollInterval " \
		"ifdManufacturerString ifdProductString ifdProtocolSupport " \
		"ifdVersionNumber CFBundleVersion", wanted, " ")
	for (i in wanted)
		if (count[wanted[i]] != 1)
			fail(wanted[i] " is missing or a list")
	print n " readers"
	exit failed
}' "$plist" || failed=1

exit $failed
