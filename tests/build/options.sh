#!/bin/sh
# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Each key that the code knows stands in the manual, with its range and default,
# and in the bundle's Info.plist; neither names another one. The manual is clean.
set -u
: "${srcdir:?}"
source=$srcdir/src/options.c
manual=ccidtrack.plist.5
template=$srcdir/Info.plist.in
failed=0

fail()
{
	echo "$*"
	failed=1
}

# key min max default, of each row of the table
rows=$(awk '/ known\[\] = \{$/ { inside = 1; next }
	inside && /^};$/ { exit }
	inside { table = table $0 }
	END {
		n = split(table, row, "}")
		for (i = 1; i < n; i++) {
			gsub(/[{"]/, "", row[i])
			split(row[i], field, /,[ \t]*/)
			j = field[1] == "" ? 2 : 1
			gsub(/[ \t]/, "", field[j])
			print field[j], field[j + 2], field[j + 3], field[j + 4]
		}
	}' "$source")
[ "$(echo "$rows" | wc -l)" -ge 5 ] || fail "the table was not understood"

# What the manual says of a key, up to the next one.
text_of()
{
	awk -v key="$1" '/^\.It Li ifd/ { inside = 0
		for (i = 3; i <= NF; i++)
			if ($i == key)
				inside = 1
		}
		/^\.El/ && inside == 1 && !nested { exit }
		/^\.Bl/ { nested++ }
		/^\.El/ { nested-- }
		inside' "$manual"
}

number()
{
	case $1 in
	0x*) echo $(($1)) ;;
	*) echo "$1" ;;
	esac
}

check_row()
{
	text=$(text_of "$1")
	[ -n "$text" ] || { fail "$1 is not in the manual"; return; }
	range=$(echo "$text" | sed -n 's/^\(.*[ ,]\)\{0,1\}\([0-9][0-9a-fA-Fx]*\) to \([0-9a-fA-Fx]*\)\.$/\2 \3/p' | head -n 1)
	[ "$(number "${range% *}") $(number "${range#* }")" = \
		"$(number "$2") $(number "$3")" ] ||
		fail "$1: the manual says $range, the code $2 to $3"
	default=$(echo "$text" | sed -n 's/^Default: \([0-9a-fA-Fx]*\)[.,].*/\1/p')
	[ "$(number "$default")" = "$(number "$4")" ] ||
		fail "$1: the manual says $default by default, the code $4"
	grep -q "<key>$1</key>" "$template" || fail "$1 is not in Info.plist"
}

keys=
while read -r key min max default; do
	keys="$keys $key"
	check_row "$key" "$min" "$max" "$default"
done <<END
$rows
END

for key in $(sed -n 's/^\.It Li \(ifd.*\)/\1/p' "$manual" | tr -d ','); do
	case "$keys " in
	*" $key "*) ;;
	*) fail "$key is in the manual, but nobody reads it" ;;
	esac
done

if command -v mandoc >/dev/null; then
	lint=$(mandoc -Tlint -Wwarning "$manual") || fail "$lint"
else
	echo "mandoc is not installed: the manual's own rules are not checked"
fi
if command -v man >/dev/null; then
	said=$(man --warnings -E UTF-8 -l "./$manual" 2>&1 >/dev/null)
	[ -z "$said" ] || fail "$said"
fi

exit $failed
