/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "cancel.h"

#include <pthread.h>
#include <unistd.h>

void cancel_shut(void)
{
	int before;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
}

void cancel_open(sigset_t *ret_before)
{
	sigset_t blocked;
	int before;

	if (gettid() == getpid())
		sigemptyset(&blocked);
	else
		sigfillset(&blocked);
	pthread_sigmask(SIG_BLOCK, &blocked, ret_before);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
}

void cancel_close(const sigset_t *before)
{
	cancel_shut();
	pthread_sigmask(SIG_SETMASK, before, NULL);
}
