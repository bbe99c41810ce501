/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * search - every step in every state, breadth first, until nothing new comes.
 */
#ifndef CCIDTRACK_TESTS_EXPLORE_SEARCH_H
#define CCIDTRACK_TESTS_EXPLORE_SEARCH_H

#include "bench.h"

struct search_result {
	const char *broken;	/* the promise; NULL: all are kept */
	unsigned states;
	unsigned depth;		/* steps of the longest of the shortest ways */
	unsigned moves;		/* of cards, on the way with the most */
	double seconds;
	unsigned trace_steps;
};

/* trace: the way to the broken promise is printed, as TAP comments. */
void search_run(const struct config *config, const struct tracker *tracker,
		bool trace, struct search_result *ret_result);

#endif
