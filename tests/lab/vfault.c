/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vfault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "voptions.h"

static const char *const kinds[] = {
	[VFAULT_NONE] = "none",
	[VFAULT_STALL_OUT] = "stall-out",
	[VFAULT_STALL] = "stall",
	[VFAULT_LOST] = "lost",
	[VFAULT_HANG] = "hang",
	[VFAULT_FAIL] = "fail",
	[VFAULT_UNHEARD] = "unheard",
	[VFAULT_LATE] = "late",
	[VFAULT_DOUBLE] = "double",
	[VFAULT_SEQ] = "seq",
	[VFAULT_SLOT] = "slot",
	[VFAULT_TYPE] = "type",
	[VFAULT_SHORT] = "short",
	[VFAULT_LONG] = "long",
	[VFAULT_LENGTH] = "length",
	[VFAULT_STATUS] = "status",
	[VFAULT_ZLP_BEFORE] = "zlp-before",
	[VFAULT_ZLP_AFTER] = "zlp-after",
	[VFAULT_EXTEND] = "extend",
	[VFAULT_PROTO] = "proto",
	[VFAULT_OVERFLOW] = "overflow",
	[VFAULT_DEAD] = "dead",
};

static const struct {
	const char *name;
	unsigned number;
} commands[] = {
	{ "any", VFAULT_ANY },
	{ "set-parameters", 0x61 },
	{ "power-on", 0x62 },
	{ "power-off", 0x63 },
	{ "status", 0x65 },
	{ "secure", 0x69 },
	{ "t0apdu", 0x6A },
	{ "escape", 0x6B },
	{ "get-parameters", 0x6C },
	{ "reset-parameters", 0x6D },
	{ "clock", 0x6E },
	{ "xfr", 0x6F },
	{ "mechanical", 0x71 },
	{ "abort", 0x72 },
	{ "rate", 0x73 },
};

int vfault_command(const char *name, unsigned *ret_command)
{
	long long number;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0) {
			*ret_command = commands[i].number;
			return 0;
		}
	}
	number = voptions_number(name, 16);
	if (number < 0 || number > 0xFF)
		return -EINVAL;
	*ret_command = (unsigned)number;
	return 0;
}

static int take_kind(struct vfault *fault, const char *word)
{
	for (size_t i = 1; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i], word) == 0) {
			fault->kind = (enum vfault_kind)i;
			return 0;
		}
	}
	return -ENOENT;
}

static int take_option(struct vfault *fault, const char *word)
{
	const struct {
		const char *name;
		unsigned *to;
	} options[] = {
		{ "slot=", &fault->slot },
		{ "skip=", &fault->skip },
		{ "count=", &fault->count },
		{ "value=", &fault->value },
	};

	if (strncmp(word, "command=", 8) == 0)
		return vfault_command(word + 8, &fault->command);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		size_t length = strlen(options[i].name);
		long long number;

		if (strncmp(word, options[i].name, length) != 0)
			continue;
		number = voptions_number(word + length, 0);
		if (number < 0)
			return -EINVAL;
		*options[i].to = (unsigned)number;
		return 0;
	}
	return -ENOENT;
}

int vfault_add(struct vfaults *faults, char *const *words, size_t n)
{
	struct vfault fault = {
		.command = VFAULT_ANY, .slot = VFAULT_ANY, .count = 1,
	};
	struct vfault **place = &faults->first;
	int r = n ? take_kind(&fault, words[0]) : -EINVAL;

	for (size_t i = 1; i < n && r == 0; i++)
		r = take_option(&fault, words[i]);
	if (r < 0)
		return r;
	while (*place)
		place = &(*place)->next;
	*place = malloc(sizeof(fault));
	if (!*place)
		return -ENOMEM;
	**place = fault;
	return 0;
}

static void drop(struct vfault **place)
{
	struct vfault *fault = *place;

	*place = fault->next;
	free(fault);
}

void vfault_clear(struct vfaults *faults)
{
	while (faults->first)
		drop(&faults->first);
}

bool vfault_is_dead(const struct vfaults *faults)
{
	const struct vfault *fault = faults->first;

	while (fault && fault->kind != VFAULT_DEAD)
		fault = fault->next;
	return fault;
}

void vfault_revive(struct vfaults *faults)
{
	struct vfault **place = &faults->first;

	while (*place) {
		if ((*place)->kind == VFAULT_DEAD)
			drop(place);
		else
			place = &(*place)->next;
	}
}

static bool fits(const struct vfault *fault, unsigned slot, uint8_t command)
{
	return (fault->command == VFAULT_ANY || fault->command == command) &&
	       (fault->slot == VFAULT_ANY || fault->slot == slot);
}

struct vfault vfault_take(struct vfaults *faults, unsigned slot,
			  uint8_t command)
{
	struct vfault taken = { .kind = VFAULT_NONE };

	for (struct vfault **place = &faults->first; *place;
	     place = &(*place)->next) {
		struct vfault *fault = *place;

		if (fault->kind == VFAULT_DEAD || !fits(fault, slot, command))
			continue;
		if (fault->skip) {
			fault->skip--;
			continue;
		}
		taken = *fault;
		if (--fault->count == 0)
			drop(place);
		break;
	}
	return taken;
}
