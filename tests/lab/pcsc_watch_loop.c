/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "pcsc_client.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PNP	"\\\\?PnP?\\Notification"

struct watch {
	SCARDCONTEXT context;
	char *names;		/* a list in one string, as PC/SC has it */
	SCARD_READERSTATE states[PCSC_READERS + 1];
	DWORD n;		/* the last one tells of readers */
};

static int fail(const char *what, LONG code)
{
	fprintf(stderr, "pcsc-watch: %s: %s\n", what, pcsc_code(code));
	return 1;
}

static LONG list(struct watch *watch)
{
	DWORD size = 0;
	LONG code = SCardListReaders(watch->context, NULL, NULL, &size);

	free(watch->names);
	watch->names = NULL;
	if (code == SCARD_E_NO_READERS_AVAILABLE)
		return SCARD_S_SUCCESS;
	if (code != SCARD_S_SUCCESS)
		return code;
	watch->names = calloc(1, size + 1);
	if (!watch->names)
		return SCARD_E_NO_MEMORY;
	code = SCardListReaders(watch->context, NULL, watch->names, &size);
	if (code == SCARD_E_NO_READERS_AVAILABLE ||
	    code == SCARD_E_INSUFFICIENT_BUFFER) {
		watch->names[0] = '\0';		/* changed between the two */
		return SCARD_S_SUCCESS;
	}
	return code;
}

static DWORD word_of(const SCARD_READERSTATE *states, DWORD n, const char *name)
{
	for (DWORD i = 0; i < n; i++)
		if (strcmp(states[i].szReader, name) == 0)
			return states[i].dwCurrentState;
	return SCARD_STATE_UNAWARE;
}

/* Readers that stay keep their words; names of both lists are needed. */
static LONG take_readers(struct watch *watch, DWORD pnp)
{
	SCARD_READERSTATE old[PCSC_READERS + 1];
	char *old_names = watch->names;
	DWORD old_n = watch->n;
	LONG code;

	memcpy(old, watch->states, sizeof(old));
	watch->names = NULL;
	code = list(watch);
	memset(watch->states, 0, sizeof(watch->states));
	watch->n = 0;
	for (const char *name = watch->names; name && *name &&
	     watch->n < PCSC_READERS; name += strlen(name) + 1) {
		SCARD_READERSTATE *state = &watch->states[watch->n++];

		state->szReader = name;
		state->dwCurrentState = word_of(old, old_n, name);
	}
	watch->states[watch->n].szReader = PNP;
	watch->states[watch->n].dwCurrentState = pnp;
	free(old_names);
	printf("%" PRIu64 " readers %lu\n", pcsc_now(), watch->n);
	return code;
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

static int watch_on(struct watch *watch)
{
	LONG code = take_readers(watch, SCARD_STATE_UNAWARE);

	while (code == SCARD_S_SUCCESS) {
		DWORD pnp;
		bool readers;

		code = SCardGetStatusChange(watch->context, INFINITE,
					    watch->states, watch->n + 1);
		readers = report(watch, pcsc_now());
		pnp = watch->states[watch->n].dwEventState &
		      ~(DWORD)SCARD_STATE_CHANGED;
		watch->states[watch->n].dwCurrentState = pnp;
		if (code == SCARD_E_UNKNOWN_READER)
			code = SCARD_S_SUCCESS;
		if (code == SCARD_S_SUCCESS && readers)
			code = take_readers(watch, pnp);
	}
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
