/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vcontrol - the control socket: one command a line, one answer a line.
 *
 *   ok NANOSECONDS [name=value ...]	when it took effect, CLOCK_MONOTONIC
 *   error TEXT
 *
 * Words are split at blanks; "..." keeps blanks together. Several clients may
 * be connected; each is served in order, "wait" holds up only its own.
 */
#ifndef VCONTROL_H
#define VCONTROL_H

/* Listens at path. 0 or a negative errno. */
int vcontrol_listen(const char *path);

/* Something may have changed: looks after those who wait. */
void vcontrol_settled(void);

#endif
