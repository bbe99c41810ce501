/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ccidtrack watch - cards and readers as they come and go, through PC/SC.
 *
 * Any driver, any pcscd. Two threads: one waits in PC/SC, one for the signal
 * that ends it all.
 */
#include "commands.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <winscard.h>

#include "arguments.h"
#include "exits.h"
#include "memory.h"
#include "moves.h"
#include "timeline.h"

#define PNP		"\\\\?PnP?\\Notification"
#define RETRY_S		1
#define CANCEL_NS	20000000

/*
 * pcscd tells of readers that come from the call on, whatever was known before
 * it, lists a reader while it still writes its name, and wakes nobody when it
 * knows what is in it. So after each change the list is looked at some times
 * more, before a call without end.
 */
#define ROUNDS		8
#define ROUND_MS	250

/*
 * As long as pcscd has counted no movement of a reader, the library takes the
 * count for one that was not fed back, and waits on over a swap. Until then the
 * reader is looked at now and then.
 */
#define LOOK_MS		1000
#define COUNT(word)	((word) >> 16)

#define FAILURES	8	/* in a row: then pcscd is taken for gone */

static const char help[] =
	"Usage: ccidtrack watch [--seconds=N] [--json] [--color=WHEN]\n"
	"\n"
	"Shows readers and cards as they come and go, with the time of day and\n"
	"how long a card was in or a slot was empty. Works with every driver;\n"
	"ccidtrack also tells, a moment later, when it saw a movement and by\n"
	"what. Ends at Ctrl-C.\n"
	"\n"
	"  --seconds=N   end by itself after N seconds\n"
	"  --json        print each event as a line of JSON\n"
	"  --color=WHEN  auto (default), always, never\n"
	"  --help        this text\n"
	"\n"
	"Exit code: 0 after Ctrl-C, SIGTERM or the time; 2 wrong usage; 3 there\n"
	"is no memory or no thread.\n";

static atomic_bool ended, done;
static atomic_long current;	/* context to be cancelled; 0: none */
static sem_t wake;		/* posted once at the end */

struct watched {
	struct timeline line;
	struct moves moves;
};

struct watch {
	SCARDCONTEXT context;
	struct watched *readers;
	size_t n;
	unsigned rounds;
	unsigned failures;
	bool look;	/* at once, at those with nothing counted */
};

/* --- the end */

static void *wait_for_end(void *argument)
{
	const struct timespec pause = { 0, CANCEL_NS };
	sigset_t set = *(const sigset_t *)argument;
	int number;

	sigwait(&set, &number);
	atomic_store(&ended, true);
	sem_post(&wake);
	/* the second Ctrl-C does not ask */
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	/* a cancel between two calls is lost: until it has been seen */
	while (!atomic_load(&done)) {
		long context = atomic_load(&current);

		if (context)
			SCardCancel(context);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static void pause_for(time_t seconds)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += seconds;
	while (sem_timedwait(&wake, &end) < 0 && errno == EINTR)
		;
}

/* --- the list of readers */

/* Two numbers are at the end of a name that is written to its end. */
static bool is_complete(const char *name)
{
	size_t size = strlen(name);
	unsigned a, b;

	return size > 6 &&
	       sscanf(name + size - 6, " %2x %2x", &a, &b) == 2;
}

static bool is_known(const struct watch *watch, const char *name)
{
	for (size_t i = 0; i < watch->n; i++)
		if (strcmp(watch->readers[i].line.name, name) == 0)
			return true;
	return false;
}

static void add(struct watch *watch, const char *name)
{
	struct watched *reader;

	watch->readers = memory_grow(watch->readers, watch->n,
				     sizeof(*watch->readers));
	reader = &watch->readers[watch->n++];
	reader->line.name = memory_copy(name, strlen(name));
	moves_begin(&reader->moves);
	timeline_widen(strlen(name));
}

static void drop(struct watch *watch, size_t at)
{
	struct watched *reader = &watch->readers[at];

	if (reader->line.told)
		timeline_gone(&reader->line);
	free(reader->line.name);
	memmove(reader, reader + 1,
		(watch->n - at - 1) * sizeof(*watch->readers));
	watch->n--;
}

static bool is_in(const char *names, const char *name)
{
	for (; *names; names += strlen(names) + 1)
		if (strcmp(names, name) == 0)
			return true;
	return false;
}

/* In memory of its own. No readers are an empty list, and no failure. */
static LONG list(SCARDCONTEXT context, char **ret_names)
{
	DWORD size = 0;
	LONG code = SCardListReaders(context, NULL, NULL, &size);
	char *names = memory_grow(NULL, 0, size + 1);

	if (code == SCARD_S_SUCCESS)
		code = SCardListReaders(context, NULL, names, &size);
	if (code == (LONG)SCARD_E_NO_READERS_AVAILABLE)
		code = SCARD_S_SUCCESS;
	if (code == SCARD_S_SUCCESS)
		*ret_names = names;
	else
		free(names);
	return code;
}

static LONG take_list(struct watch *watch)
{
	char *names;
	LONG code = list(watch->context, &names);

	if (code != SCARD_S_SUCCESS)
		return code;
	for (size_t i = watch->n; i > 0; i--)
		if (!is_in(names, watch->readers[i - 1].line.name))
			drop(watch, i - 1);
	for (const char *name = names; *name; name += strlen(name) + 1)
		if (is_complete(name) && !is_known(watch, name))
			add(watch, name);
	free(names);
	return SCARD_S_SUCCESS;
}

static void forget_all(struct watch *watch)
{
	while (watch->n)
		drop(watch, watch->n - 1);
}

/* --- waiting */

static unsigned limit(struct watch *watch)
{
	unsigned limit = INFINITE;

	for (size_t i = 0; i < watch->n; i++) {
		const struct watched *reader = &watch->readers[i];

		if (!reader->line.told)
			return ROUND_MS;
		if (!COUNT(reader->line.word) && limit > LOOK_MS)
			limit = LOOK_MS;
		limit = moves_pause(&reader->moves, reader->line.word, limit);
	}
	if (!watch->rounds || limit < ROUND_MS)
		return limit;
	watch->rounds--;
	return ROUND_MS;
}

static SCARD_READERSTATE *known_states(const struct watch *watch)
{
	SCARD_READERSTATE *states =
		memory_grow(NULL, 0, (watch->n + 1) * sizeof(*states));

	for (size_t i = 0; i < watch->n; i++) {
		uint32_t word = watch->readers[i].line.word;

		states[i].szReader = watch->readers[i].line.name;
		states[i].dwCurrentState = watch->look && !COUNT(word) ?
						   SCARD_STATE_UNAWARE : word;
	}
	states[watch->n].szReader = PNP;
	return states;
}

static void take_states(struct watch *watch, const SCARD_READERSTATE *states)
{
	if (states[watch->n].dwEventState & SCARD_STATE_CHANGED)
		watch->rounds = ROUNDS;
	for (size_t i = 0; i < watch->n; i++) {
		const SCARD_READERSTATE *state = &states[i];
		struct watched *reader = &watch->readers[i];

		if (state->dwEventState & SCARD_STATE_UNKNOWN)
			watch->rounds = ROUNDS;
		else if ((state->dwEventState & SCARD_STATE_CHANGED) &&
			 timeline_take(&reader->line,
				       (uint32_t)state->dwEventState,
				       state->rgbAtr, state->cbAtr))
			moves_expect(&reader->moves);
	}
}

static void ask_drivers(struct watch *watch)
{
	for (size_t i = 0; i < watch->n; i++) {
		struct watched *reader = &watch->readers[i];

		moves_ask(&reader->moves, watch->context, reader->line.name,
			  reader->line.word);
	}
}

static LONG wait_for_change(struct watch *watch)
{
	SCARD_READERSTATE *states = known_states(watch);
	LONG code = SCardGetStatusChange(watch->context, limit(watch), states,
					 (DWORD)watch->n + 1);

	if (code == SCARD_S_SUCCESS)
		take_states(watch, states);
	free(states);
	watch->look = code == (LONG)SCARD_E_TIMEOUT;
	return watch->look ? SCARD_S_SUCCESS : code;
}

/*
 * What pcscd tells while the library asks for the list may be taken for the
 * answer: no reader is known then, and all later answers come one call late.
 * So another connection takes over; what is known of the readers still holds.
 */
static LONG connect_anew(struct watch *watch)
{
	SCARDCONTEXT context;
	LONG code = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL,
					  &context);

	if (code != SCARD_S_SUCCESS)
		return code;
	atomic_store(&current, context);
	SCardReleaseContext(watch->context);
	watch->context = context;
	watch->rounds = ROUNDS;
	return SCARD_S_SUCCESS;
}

/* pcscd is not there any more, or we are not wanted any more. */
static bool is_over(LONG code)
{
	return code == (LONG)SCARD_E_NO_SERVICE ||
	       code == (LONG)SCARD_E_SERVICE_STOPPED ||
	       code == (LONG)SCARD_F_COMM_ERROR ||
	       code == (LONG)SCARD_E_CANCELLED;
}

static LONG watch_once(struct watch *watch)
{
	LONG code = take_list(watch);

	if (code == SCARD_S_SUCCESS) {
		ask_drivers(watch);
		code = wait_for_change(watch);
	}
	watch->failures = code == SCARD_S_SUCCESS ? 0 : watch->failures + 1;
	if (!watch->failures)
		return SCARD_S_SUCCESS;
	if (is_over(code) || watch->failures > FAILURES)
		return code;
	return connect_anew(watch);
}

/* An empty screen tells nobody that all is well. */
static void greet(struct watch *watch)
{
	if (take_list(watch) == SCARD_S_SUCCESS && !watch->n)
		timeline_tell("no-reader", "no reader yet");
}

/* Until pcscd goes, or the end. */
static void serve(struct watch *watch)
{
	watch->rounds = ROUNDS;
	watch->failures = 0;
	atomic_store(&current, watch->context);
	greet(watch);
	while (!atomic_load(&ended) && watch_once(watch) == SCARD_S_SUCCESS)
		;
	atomic_store(&current, 0);
}

static void tell_unreachable(LONG code)
{
	char text[160];

	snprintf(text, sizeof(text), "no way to pcscd: %s ccidtrack check tells "
		 "what mends it", pcsc_stringify_error(code));
	timeline_tell("pcscd-gone", text);
}

static void watch_on(void)
{
	struct watch watch = { 0 };
	bool complained = false;

	while (!atomic_load(&ended)) {
		LONG code = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL,
						  NULL, &watch.context);

		if (code == SCARD_S_SUCCESS) {
			if (complained)
				timeline_tell("pcscd", "pcscd answers");
			serve(&watch);
			SCardReleaseContext(watch.context);
			if (atomic_load(&ended))
				return;
			forget_all(&watch);
			timeline_tell("pcscd-gone", "pcscd has ended");
		} else if (!complained) {
			tell_unreachable(code);
		}
		complained = true;
		pause_for(RETRY_S);
	}
}

static void sum_up(int json)
{
	struct timeline_totals totals = timeline_end();

	if (json)
		return;
	printf("%s%u in, %u out, %u swapped",
	       isatty(STDOUT_FILENO) ? "\n" : "",	/* behind ^C */
	       totals.insertions, totals.removals, totals.swaps);
	if (totals.passes)
		printf(", %u in and out again", totals.passes);
	putchar('\n');
}

static bool parse_seconds(const char *text, unsigned *ret_seconds)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || !n || n > 86400u * 365)
		return false;
	*ret_seconds = (unsigned)n;
	return true;
}

static void run_watch(unsigned seconds, int json)
{
	sigset_t set;
	pthread_t thread;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sem_init(&wake, 0, 0);
	if (pthread_create(&thread, NULL, wait_for_end, &set) != 0) {
		fputs("ccidtrack watch: no thread\n", stderr);
		exit(EXIT_UNABLE);
	}
	alarm(seconds);
	watch_on();
	atomic_store(&done, true);
	pthread_join(thread, NULL);
	sum_up(json);
}

int command_watch(int argc, char **argv)
{
	const char *text = NULL;
	unsigned seconds = 0;
	int json = 0;
	const struct argument table[] = {
		{ "seconds", NULL, &text }, { "json", &json, NULL }, { 0 },
	};

	argc = arguments_take(argc, argv, table, help);
	if (argc < 0)
		return EXIT_USAGE;
	if (argc > 1 || (text && !parse_seconds(text, &seconds))) {
		fprintf(stderr, "ccidtrack watch: %s: \"%s\"\n"
			"Try ccidtrack watch --help.\n",
			argc > 1 ? "takes no arguments" :
				   "no number of seconds",
			argc > 1 ? argv[1] : text);
		return EXIT_USAGE;
	}
	timeline_begin(json);
	run_watch(seconds, json);
	return EXIT_WELL;
}
