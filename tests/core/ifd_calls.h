/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ifd_calls - the fixture's device as pcscd has it: a Lun and the calls for it.
 */
#ifndef CCIDTRACK_TESTS_IFD_CALLS_H
#define CCIDTRACK_TESTS_IFD_CALLS_H

#include <ifdhandler.h>

#include "fixture.h"

#define LUN		0x30000
#define OTHER_LUN	0x50000
#define SERIAL		FIXTURE_SERIAL
#define ROOM		65548

/* What the last call gave. */
extern UCHAR atr[MAX_ATR_SIZE], answer[ROOM];
extern DWORD size;

extern UCHAR get_data[5];

RESPONSECODE create(void);
RESPONSECODE power(DWORD action);
RESPONSECODE set_protocol(DWORD protocol);
/* get_data, the first bytes of it. */
RESPONSECODE transmit_by(DWORD protocol, DWORD count, DWORD room);
RESPONSECODE transmit_now(void);

/* The card is there, powered up, and its protocol is set. */
void be_connected(void);

/* For cmocka. */
int close_and_discard(void **state);

#endif
