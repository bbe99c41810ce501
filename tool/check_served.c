/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winscard.h>

#include "findings.h"
#include "memory.h"
#include "service.h"

#define PNP		"\\\\?PnP?\\Notification"
#define SLOT_SIZE	3	/* " 00" at the end of a name */

/* pcscd may have been started by our own question, and be opening readers. */
#define LOOKS		12
#define LOOK_MS		250

#define MEND_SIZE	160
#define SLOTS_MAX	16	/* of all readers, before pcscd 2.5 */

/* In memory of its own; NULL if pcscd does not tell. */
static char *list(SCARDCONTEXT context)
{
	DWORD size = 0;
	LONG code = SCardListReaders(context, NULL, NULL, &size);
	char *names = memory_grow(NULL, 0, size + 1);

	if (code == SCARD_S_SUCCESS)
		code = SCardListReaders(context, NULL, names, &size);
	if (code == SCARD_S_SUCCESS)
		return names;
	*names = '\0';		/* or it has become longer in between */
	return code == (LONG)SCARD_E_NO_READERS_AVAILABLE ||
	       code == (LONG)SCARD_E_INSUFFICIENT_BUFFER ? names : NULL;
}

/* A slot after the first one is no other reader. */
static bool same_reader(const char *one, const char *other)
{
	size_t size = strlen(one);

	return size > SLOT_SIZE && size == strlen(other) &&
	       memcmp(one, other, size - SLOT_SIZE) == 0;
}

static unsigned count_slots(const char *names)
{
	unsigned n = 0;

	for (; *names; names += strlen(names) + 1)
		n++;
	return n;
}

static unsigned count(const char *names)
{
	const char *before = "";
	unsigned n = 0;

	for (; *names; names += strlen(names) + 1) {
		n += !same_reader(names, before);
		before = names;
	}
	return n;
}

static unsigned count_expected(const struct scene *scene)
{
	unsigned n = 0;

	for (size_t i = 0; i < scene->n; i++)
		n += bundles_choose(&scene->bundles, scene->readers[i].vendor,
				    scene->readers[i].product) != NULL;
	return n;
}

static char *wait_for(SCARDCONTEXT context, unsigned expected)
{
	SCARD_READERSTATE news = { .szReader = PNP };
	char *names = list(context);

	for (int i = 0; i < LOOKS && names && count(names) < expected; i++) {
		SCardGetStatusChange(context, LOOK_MS, &news, 1);
		names = list(context);
	}
	return names;
}

static void check_number(const char *names, unsigned expected)
{
	unsigned served = count(names);
	char mend[MEND_SIZE];

	if (served >= expected) {
		findings_good("readers that it serves: %u", served);
		return;
	}
	if (count_slots(names) >= SLOTS_MAX)
		snprintf(mend, sizeof(mend), "before pcscd 2.5 there are %d "
			 "slots in all, and these are taken: unplug readers, "
			 "or install a newer one", SLOTS_MAX);
	else
		snprintf(mend, sizeof(mend), "%s; if it stays so, its log "
			 "tells why: sudo journalctl -u pcscd",
			 service_find()->restart);
	findings_bad("not-served", mend, "pcscd serves %u of %u readers that "
		     "it has a driver for", served, expected);
}

static void check_state(const char *name, uint32_t state)
{
	if (state & SCARD_STATE_UNAVAILABLE)
		findings_bad("silent", "pull it out and plug it in again",
			     "%s does not answer", name);
	if (state & SCARD_STATE_MUTE)
		findings_bad("mute", "is it the right way round, its contacts "
			     "clean? If it works elsewhere, at a lower speed it "
			     "may here: ifdRateCap in ccidtrack.plist(5)",
			     "the card in %s does not answer", name);
	if (state & SCARD_STATE_EXCLUSIVE)
		findings_note("exclusive", "end that program; scdaemon of GnuPG "
			      "shares it: echo pcsc-shared >> "
			      "~/.gnupg/scdaemon.conf && gpgconf --kill scdaemon",
			      "a program has %s for itself: others are refused "
			      "(sharing violation)", name);
}

void check_served(const struct scene *scene, long context)
{
	unsigned expected = count_expected(scene);
	char *names = wait_for(context, expected);

	if (!names)
		return;
	check_number(names, expected);
	for (char *name = names; *name; name += strlen(name) + 1) {
		SCARD_READERSTATE state = { .szReader = name };

		if (SCardGetStatusChange(context, 0, &state, 1) ==
		    SCARD_S_SUCCESS)
			check_state(name, (uint32_t)state.dwEventState);
	}
}
