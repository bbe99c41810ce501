/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "ifd_calls.h"

UCHAR atr[MAX_ATR_SIZE], answer[ROOM];
DWORD size;
UCHAR get_data[5] = { 0x00, 0xCA, 0x00, 0x00, 0x00 };

RESPONSECODE create(void)
{
	char name[64];
	RESPONSECODE code;

	strcpy(name, device_name(&fixture.device));
	code = IFDHCreateChannelByName(LUN, name);
	stopped_clock_settle();
	return code;
}

int close_and_discard(void **state)
{
	IFDHCloseChannel(LUN);
	return fixture_discard(state);
}

RESPONSECODE power(DWORD action)
{
	memset(atr, 0x5A, sizeof(atr));
	size = sizeof(atr);
	return IFDHPowerICC(LUN, action, atr, &size);
}

RESPONSECODE set_protocol(DWORD protocol)
{
	return IFDHSetProtocolParameters(LUN, protocol, 0, 0, 0, 0);
}

RESPONSECODE transmit_by(DWORD protocol, DWORD count, DWORD room)
{
	SCARD_IO_HEADER send = { protocol, 0 }, received = { 7, 9 };
	RESPONSECODE code;

	memset(answer, 0x5A, sizeof(answer));
	size = room;
	code = IFDHTransmitToICC(LUN, send, get_data, count, answer, &size,
				 &received);
	assert_int_equal(received.Protocol, 7);
	assert_int_equal(received.Length, 9);
	return code;
}

RESPONSECODE transmit_now(void)
{
	return transmit_by(0, sizeof(get_data), ROOM);
}

void be_connected(void)
{
	assert_int_equal(IFDHICCPresence(LUN), IFD_ICC_PRESENT);
	assert_int_equal(power(IFD_POWER_UP), IFD_SUCCESS);
	assert_int_equal(set_protocol(SCARD_PROTOCOL_T0), IFD_SUCCESS);
}
