/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * time_scale - how many times more time tests have on this machine, as
 * LAB_TIME_SCALE says: 1 or more.
 */
#ifndef CCIDTRACK_TESTS_TIME_SCALE_H
#define CCIDTRACK_TESTS_TIME_SCALE_H

#include <stdlib.h>

static inline double time_scale(void)
{
	const char *text = getenv("LAB_TIME_SCALE");
	double scale = text ? strtod(text, NULL) : 1;

	return scale > 1 ? scale : 1;
}

#endif
