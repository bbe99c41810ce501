/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "search.h"

static const struct config configs[] = {
	{ .name = "small" },{ .name = "smallp", .proven = true },
	{ .name = "clientp", .proven=true, .client = true },{ .name = "client", .client = true },
	{ .name = "unplug", .unplug = true, .daemon_ends = true, .client = true },
	{ .name = "stops", .unplug = true, .daemon_stops = true, .client = true },
	{ .name = "late", .late = true, .client = true },
	{ .name = "doubles", .doubles = true, .client = true },
	{ .name = "garbles", .garbles = true, .client = true },
	{ .name = "loses", .loses = true, .client = true },
	{ .name = "bitless", .bitless = true, .client = true },
	{ .name = "unanswered", .unanswered = true, .client = true },
	{ .name = "mute", .mute = true, .client = true },
	{ .name = "auto", .auto_activation = true, .client = true },
	{ .name = "chatty on", .chatty_on = true, .client = true },
	{ .name = "chatty off", .chatty_off = true, .client = true },
	{ .name = "chatty both", .chatty_on = true, .chatty_off = true, .client = true },
	{ .name = "chatty auto", .chatty_on = true, .auto_activation = true, .client = true },
	{ .name = "opening", .opening = true, .client = true },
	{ .name = "none", .endpoint = ENDPOINT_NONE, .client = true },
	{ .name = "lying", .endpoint = ENDPOINT_LYING, .client = true },
};

int main(int argc, char **argv)
{
	int rc = 0;
	for (unsigned i = 0; i < sizeof(configs)/sizeof(configs[0]); i++) {
		struct search_result r;
		if (argc > 1 && strcmp(argv[1], configs[i].name)) continue;
		search_run(&configs[i], &tracker_real, true, &r);
		printf("%s %s: %u states, depth %u, moves %u, %.1f s %s\n", r.broken ? "not ok" : "ok", configs[i].name, r.states, r.depth, r.moves, r.seconds, r.broken ? r.broken : "");
		fflush(stdout);
		if (r.broken) rc = 1;
	}
	return rc;
}
