/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * explore - the real tracker, with every reader, in every order of events.
 *
 *   explore         what make check does
 *   explore deep    more of everything; some minutes, some gigabytes
 *   explore NAME    only the readers with NAME in their names
 *
 * Each line tells how many states there are; then nothing new comes, however
 * often cards are moved. A broken promise is shown with the way to it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "search.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

static const struct config readers[] = {
	{ .name = "a reader that tells everything", .notes = 2,
	  .proven = true },
	{ .name = "the same, a client, resets", .notes = 1, .proven = true,
	  .client = true, .resets = true },
	{ .name = "its first notification repeats the state", .notes = 2,
	  .opening = true },
	{ .name = "replies overtake slow notifications", .notes = 2,
	  .proven = true, .late = true, .slow = true },
	{ .name = "replies overtake notifications, a client", .notes = 1,
	  .proven = true, .late = true, .client = true },
	{ .name = "notifications come twice, a client", .notes = 1,
	  .proven = true, .doubles = true, .client = true },
	{ .name = "notifications come as rubbish", .notes = 1, .proven = true,
	  .garbles = true },
	{ .name = "notifications come without the change bit", .notes = 1,
	  .proven = true, .bitless = true },
	{ .name = "notifications vanish", .notes = 1, .proven = true,
	  .loses = true },
	{ .name = "questions stay unanswered, a client", .notes = 1,
	  .proven = true, .unanswered = true, .client = true },
	{ .name = "cards are mute, a client", .notes = 1, .proven = true,
	  .mute = true, .client = true },
	{ .name = "cards activate by themselves, a client", .notes = 1,
	  .proven = true, .auto_activation = true, .client = true },
	{ .name = "the change bit after each power-up", .notes = 2,
	  .chatty_on = true },
	{ .name = "the change bit after each power-off", .notes = 2,
	  .proven = true, .chatty_off = true },
	{ .name = "the change bit after both, a client", .notes = 1,
	  .proven = true, .chatty_on = true, .chatty_off = true,
	  .client = true },
	{ .name = "the change bit, and cards that activate by themselves",
	  .notes = 2, .proven = true, .chatty_on = true, .chatty_off = true,
	  .auto_activation = true },
	{ .name = "the same, and notifications come as rubbish", .notes = 1,
	  .proven = true, .chatty_on = true, .auto_activation = true,
	  .garbles = true },
	{ .name = "no interrupt endpoint, a client, resets",
	  .endpoint = ENDPOINT_NONE, .client = true, .resets = true },
	{ .name = "no interrupt endpoint, unplugged, a client",
	  .endpoint = ENDPOINT_NONE, .client = true, .unplug = true,
	  .daemon_ends = true },
	{ .name = "a silent interrupt endpoint, a client",
	  .endpoint = ENDPOINT_LYING, .client = true },
	{ .name = "the machine sleeps", .notes = 2, .proven = true,
	  .sleeps = true },
	{ .name = "the machine sleeps, cards that activate by themselves",
	  .notes = 1, .proven = true, .sleeps = true,
	  .auto_activation = true },
	{ .name = "the machine sleeps, no interrupt endpoint",
	  .endpoint = ENDPOINT_NONE, .sleeps = true },
	{ .name = "unplugged, or pcscd ends, by cancelling", .notes = 2,
	  .proven = true, .unplug = true, .daemon_ends = true },
	{ .name = "unplugged, or pcscd ends, by stopping", .notes = 2,
	  .proven = true, .unplug = true, .daemon_stops = true },
};

static const struct config deep_readers[] = {
	{ .name = "deep: a reader that tells everything, a client, resets",
	  .notes = 2, .proven = true, .client = true, .resets = true },
	{ .name = "deep: replies overtake notifications, a client, resets",
	  .notes = 1, .proven = true, .late = true, .client = true,
	  .resets = true },
	{ .name = "deep: replies overtake many notifications, a client",
	  .notes = 2, .proven = true, .late = true, .client = true },
	{ .name = "deep: notifications come twice, a client, resets",
	  .notes = 1, .proven = true, .doubles = true, .client = true,
	  .resets = true },
	{ .name = "deep: notifications come as rubbish, a client", .notes = 1,
	  .proven = true, .garbles = true, .client = true },
	{ .name = "deep: notifications come without the change bit, a client",
	  .notes = 1, .proven = true, .bitless = true, .client = true },
	{ .name = "deep: cards activate by themselves, a client, resets",
	  .notes = 1, .proven = true, .auto_activation = true, .client = true,
	  .resets = true },
	{ .name = "deep: the change bit, a client, resets", .notes = 1,
	  .proven = true, .chatty_on = true, .chatty_off = true,
	  .client = true, .resets = true },
	{ .name = "deep: the change bit, rubbish, and cards that activate by "
		  "themselves, a client", .notes = 1, .proven = true,
	  .chatty_on = true, .auto_activation = true, .garbles = true,
	  .client = true },
	{ .name = "deep: the machine sleeps, a client", .notes = 1,
	  .proven = true, .sleeps = true, .client = true },
	{ .name = "deep: unplugged, or pcscd ends, a client", .notes = 1,
	  .proven = true, .unplug = true, .daemon_ends = true,
	  .client = true },
	{ .name = "deep: unplugged, or pcscd stops, a client", .notes = 1,
	  .proven = true, .unplug = true, .daemon_stops = true,
	  .client = true },
};

static unsigned failures;
static unsigned tests;

static void explore(const struct config *reader)
{
	struct search_result r;

	search_run(reader, &tracker_real, true, &r);
	if (r.broken)
		failures++;
	printf("%s %u - %s: %u states, %u movements and %u steps deep, "
	       "%.1f s\n",
	       r.broken ? "not ok" : "ok", ++tests, reader->name, r.states,
	       r.moves, r.depth, r.seconds);
	fflush(stdout);
}

static void explore_those(const struct config *table, size_t n,
			  const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!name || strstr(table[i].name, name))
			explore(&table[i]);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	explore_those(readers, ROWS(readers), name);
	if (name)
		explore_those(deep_readers, ROWS(deep_readers), name);
	printf("1..%u\n", tests);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
