/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * service - how this machine starts pcscd, and starts it anew.
 */
#ifndef CCIDTRACK_SERVICE_H
#define CCIDTRACK_SERVICE_H

struct service {
	const char *init;	/* what is there if it runs services */
	const char *start;	/* lines for people */
	const char *restart;
	const char *argv[5];	/* if it runs: for scan; may be empty */
};

/* Never NULL. */
const struct service *service_find(void);

#endif
