/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exits - the exit codes of the command; ccidtrack(1) tells them to users.
 */
#ifndef CCIDTRACK_EXITS_H
#define CCIDTRACK_EXITS_H

enum exits {
	EXIT_WELL = 0,
	EXIT_FOUND = 1,		/* check: a fault; list, info: no reader */
	EXIT_USAGE = 2,
	EXIT_UNABLE = 3,	/* could not be looked at, or not be done */
};

#endif
