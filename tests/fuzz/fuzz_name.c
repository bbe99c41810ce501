/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The input is a device string; it ends at its first zero byte. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"

#define SPELLED_MAX	64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ranges(const struct name *name)
{
	assert((name->bus == NAME_UNTOLD) == (name->address == NAME_UNTOLD));
	assert(name->bus == NAME_UNTOLD || (name->bus >= 1 &&
					    name->bus <= 999));
	assert(name->address == NAME_UNTOLD || (name->address >= 1 &&
						name->address <= 127));
	assert(name->interface >= NAME_UNTOLD && name->interface <= 255);
	assert(name->interface_index >= NAME_UNTOLD &&
	       name->interface_index <= 255);
}

/* What was understood, spelled as pcscd spells it, is understood the same. */
static void check_spelled_anew(const struct name *name)
{
	char text[SPELLED_MAX];
	struct name again;

	snprintf(text, sizeof(text),
		 "usb:%04x/%04x:libudev:%d:/dev/bus/usb/%03d/%03d",
		 (unsigned)name->vendor, (unsigned)name->product,
		 name->interface, name->bus, name->address);
	assert(name_parse(text, &again) == 0);
	assert(again.vendor == name->vendor);
	assert(again.product == name->product);
	assert(again.interface == name->interface);
	assert(again.bus == name->bus);
	assert(again.address == name->address);
}

static void check_text(const char *text)
{
	struct name name, untouched;

	memset(&name, 0x5A, sizeof(name));
	untouched = name;
	if (name_parse(text, &name) < 0) {
		assert(name_parse(text, &name) == -EINVAL);
		assert(memcmp(&name, &untouched, sizeof(name)) == 0);
		return;
	}
	assert(strncmp(text, "usb:", 4) == 0);
	check_ranges(&name);
	check_spelled_anew(&name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	check_text(text);
	free(text);
	return 0;
}
