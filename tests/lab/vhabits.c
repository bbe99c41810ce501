/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhabits.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "voptions.h"

static const char *const answers[] = {
	[VPPS_AGREE] = "agree",
	[VPPS_DEFAULT] = "default",
	[VPPS_OTHER] = "other",
	[VPPS_DAMAGED] = "damaged",
	[VPPS_SHORT] = "short",
	[VPPS_SILENT] = "silent",
};

static const struct {
	const char *name;
	size_t offset;
} numbers[] = {
	{ "deaf", offsetof(struct vhabits, deaf) },
	{ "nulls", offsetof(struct vhabits, nulls) },
	{ "single", offsetof(struct vhabits, single) },
	{ "whole", offsetof(struct vhabits, whole) },
	{ "bwt", offsetof(struct vhabits, bwt) },
	{ "ifs", offsetof(struct vhabits, ifs) },
	{ "abort", offsetof(struct vhabits, abort) },
	{ "quiet", offsetof(struct vhabits, quiet) },
	{ "crc", offsetof(struct vhabits, crc) },
	{ "seed", offsetof(struct vhabits, seed) },
};

static int take_pps(struct vhabits *habits, const char *value)
{
	for (unsigned i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		if (strcmp(answers[i], value) == 0) {
			habits->pps = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int take_number(unsigned *to, const char *value)
{
	long long number = voptions_number(value, 0);

	if (number < 0)
		return -EINVAL;
	*to = (unsigned)number;
	return 0;
}

int vhabits_take(struct vhabits *habits, const char *word)
{
	size_t length = strcspn(word, "=");

	if (word[length] != '=')
		return -ENOENT;
	if (length == 3 && memcmp(word, "pps", 3) == 0)
		return take_pps(habits, word + 4);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		void *to = (char *)habits + numbers[i].offset;

		if (strlen(numbers[i].name) == length &&
		    memcmp(numbers[i].name, word, length) == 0)
			return take_number(to, word + length + 1);
	}
	return -ENOENT;
}
