/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vbench - the commands of the control socket, without the socket.
 *
 * README lists them. A command that has to wait is not done here: vcontrol.c
 * asks vbench_holds() until it does.
 */
#ifndef VBENCH_H
#define VBENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VBENCH_TEXT	8192

struct vanswer {
	uint64_t time;			/* when it took effect */
	char text[VBENCH_TEXT];		/* " name=value ...", or what is wrong */
};

/* Runs words. False: text says what is wrong. */
bool vbench_run(char *const *words, size_t n, struct vanswer *ret_answer);

/*
 * Does a condition of "wait" hold? 1, 0, or -1 with text if it never can be
 * told: no such reader, no such condition.
 */
int vbench_holds(const char *reader, const char *condition,
		 struct vanswer *ret_answer);

#endif
