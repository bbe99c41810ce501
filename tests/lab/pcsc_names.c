/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "pcsc_client.h"

#include <stdio.h>
#include <time.h>

#define ROW(name)	{ name, #name }

static const struct {
	LONG code;
	const char *name;
} codes[] = {
	ROW(SCARD_S_SUCCESS),
	ROW(SCARD_E_CANCELLED),
	ROW(SCARD_E_CARD_UNSUPPORTED),
	ROW(SCARD_E_INSUFFICIENT_BUFFER),
	ROW(SCARD_E_INVALID_ATR),
	ROW(SCARD_E_INVALID_HANDLE),
	ROW(SCARD_E_INVALID_PARAMETER),
	ROW(SCARD_E_INVALID_TARGET),
	ROW(SCARD_E_INVALID_VALUE),
	ROW(SCARD_E_NO_MEMORY),
	ROW(SCARD_E_NO_READERS_AVAILABLE),
	ROW(SCARD_E_NO_SERVICE),
	ROW(SCARD_E_NO_SMARTCARD),
	ROW(SCARD_E_NOT_READY),
	ROW(SCARD_E_NOT_TRANSACTED),
	ROW(SCARD_E_PROTO_MISMATCH),
	ROW(SCARD_E_READER_UNAVAILABLE),
	ROW(SCARD_E_SERVICE_STOPPED),
	ROW(SCARD_E_SHARING_VIOLATION),
	ROW(SCARD_E_SYSTEM_CANCELLED),
	ROW(SCARD_E_TIMEOUT),
	ROW(SCARD_E_UNKNOWN_CARD),
	ROW(SCARD_E_UNKNOWN_READER),
	ROW(SCARD_E_UNSUPPORTED_FEATURE),
	ROW(SCARD_F_COMM_ERROR),
	ROW(SCARD_F_INTERNAL_ERROR),
	ROW(SCARD_W_REMOVED_CARD),
	ROW(SCARD_W_RESET_CARD),
	ROW(SCARD_W_UNPOWERED_CARD),
	ROW(SCARD_W_UNRESPONSIVE_CARD),
	ROW(SCARD_W_UNSUPPORTED_CARD),
};

static const struct {
	DWORD bit;
	const char *name;
} states[] = {
	{ SCARD_STATE_UNKNOWN, "unknown" },
	{ SCARD_STATE_UNAVAILABLE, "unavailable" },
	{ SCARD_STATE_EMPTY, "empty" },
	{ SCARD_STATE_PRESENT, "present" },
	{ SCARD_STATE_EXCLUSIVE, "exclusive" },
	{ SCARD_STATE_INUSE, "inuse" },
	{ SCARD_STATE_MUTE, "mute" },
	{ SCARD_STATE_UNPOWERED, "unpowered" },
};

uint64_t pcsc_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

const char *pcsc_code(LONG code)
{
	static char text[32];

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if ((uint32_t)codes[i].code == (uint32_t)code)
			return codes[i].name;
	snprintf(text, sizeof(text), "0x%08x", (uint32_t)code);
	return text;
}

void pcsc_print_hex(const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		printf("%02x", bytes[i]);
}

void pcsc_print_state(const SCARD_READERSTATE *state)
{
	DWORD word = state->dwEventState;
	const char *separator = "";

	printf("counter=%lu word=%08lx ", word >> 16 & 0xFFFF, word);
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (!(word & states[i].bit))
			continue;
		printf("%s%s", separator, states[i].name);
		separator = ",";
	}
	if (!state->cbAtr)
		return;
	printf(" atr=");
	pcsc_print_hex(state->rgbAtr, state->cbAtr);
}
