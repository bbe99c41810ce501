/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "pcsc_client.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PNP	"\\\\?PnP?\\Notification"

/*
 * A reader that comes between two calls is told by neither of them: after each
 * change the list is looked at so often, before a call without end.
 */
#define ROUNDS		8
#define ROUND_MS	250

struct watch {
	SCARDCONTEXT context;
	char *names;		/* a list in one string, as PC/SC has it */
	size_t names_size;
	unsigned rounds;
	SCARD_READERSTATE states[PCSC_READERS + 1];
	DWORD n;		/* the last one tells of readers */
};

static int fail(const char *what, LONG code)
{
	fprintf(stderr, "pcsc-watch: %s: %s\n", what, pcsc_code(code));
	return 1;
}

/* The list in memory of its own; NULL and 0 if it cannot be had now. */
static char *list(SCARDCONTEXT context, DWORD *ret_size)
{
	DWORD size = 0;
	char *names;

	*ret_size = 0;
	if (SCardListReaders(context, NULL, NULL, &size) != SCARD_S_SUCCESS)
		return NULL;
	names = calloc(1, size + 1);
	if (!names || SCardListReaders(context, NULL, names, &size) !=
		      SCARD_S_SUCCESS) {
		free(names);
		return NULL;
	}
	*ret_size = size;
	return names;
}

static DWORD word_of(const SCARD_READERSTATE *states, DWORD n, const char *name)
{
	for (DWORD i = 0; i < n; i++)
		if (strcmp(states[i].szReader, name) == 0)
			return states[i].dwCurrentState;
	return SCARD_STATE_UNAWARE;
}

/* Readers that stay keep their words; names of both lists are needed. */
static void set_states(struct watch *watch, const char *names)
{
	SCARD_READERSTATE old[PCSC_READERS + 1];
	DWORD old_n = watch->n;

	memcpy(old, watch->states, sizeof(old));
	memset(watch->states, 0, sizeof(watch->states));
	watch->n = 0;
	for (const char *name = names; name && *name &&
	     watch->n < PCSC_READERS; name += strlen(name) + 1) {
		SCARD_READERSTATE *state = &watch->states[watch->n++];

		state->szReader = name;
		state->dwCurrentState = word_of(old, old_n, name);
	}
	watch->states[watch->n].szReader = PNP;
}

static void take_readers(struct watch *watch)
{
	DWORD size;
	char *names = list(watch->context, &size);

	if (size == watch->names_size &&
	    (!size || memcmp(names, watch->names, size) == 0)) {
		free(names);
		return;
	}
	set_states(watch, names);
	free(watch->names);
	watch->names = names;
	watch->names_size = size;
	watch->rounds = ROUNDS;
	printf("%" PRIu64 " readers %lu\n", pcsc_now(), watch->n);
}

/* True if readers have come or gone. */
static bool report(struct watch *watch, uint64_t now)
{
	bool readers = watch->states[watch->n].dwEventState &
		       SCARD_STATE_CHANGED;

	for (DWORD i = 0; i < watch->n; i++) {
		SCARD_READERSTATE *state = &watch->states[i];

		if (!(state->dwEventState & SCARD_STATE_CHANGED))
			continue;
		printf("%" PRIu64 " event \"%s\" ", now, state->szReader);
		pcsc_print_state(state);
		putchar('\n');
		state->dwCurrentState = state->dwEventState &
					~(DWORD)SCARD_STATE_CHANGED;
		if (state->dwEventState & SCARD_STATE_UNKNOWN)
			readers = true;
	}
	return readers;
}

/* A full house leaves no place to ask for more readers: there are none. */
static DWORD asked(const struct watch *watch)
{
	return watch->n < PCSC_READERS ? watch->n + 1 : watch->n;
}

static LONG watch_once(struct watch *watch)
{
	DWORD limit = watch->rounds ? ROUND_MS : INFINITE;
	LONG code = SCardGetStatusChange(watch->context, limit, watch->states,
					 asked(watch));

	if (watch->rounds)
		watch->rounds--;
	if (report(watch, pcsc_now()) || code != SCARD_S_SUCCESS)
		take_readers(watch);
	if (code == SCARD_E_UNKNOWN_READER || code == SCARD_E_TIMEOUT)
		return SCARD_S_SUCCESS;
	return code;
}

static int watch_on(struct watch *watch)
{
	LONG code;

	watch->names_size = SIZE_MAX;	/* as no list has: the first is told */
	take_readers(watch);
	do {
		code = watch_once(watch);
	} while (code == SCARD_S_SUCCESS);
	return fail("SCardGetStatusChange", code);
}

int pcsc_watch(void)
{
	static struct watch watch;
	LONG code = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL,
					  &watch.context);

	if (code != SCARD_S_SUCCESS)
		return fail("SCardEstablishContext", code);
	return watch_on(&watch);
}
