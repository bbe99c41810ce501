/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vbench - the commands of the control socket, without the socket.
 *
 * README lists them. Only "wait" is not among them: it is vcontrol.c's.
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

#endif
