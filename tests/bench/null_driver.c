/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * null_driver - what pcscd costs with a driver that costs nothing.
 *
 * There is always a card, which answers 90 00 to everything. No USB, no thread,
 * no lock, no state: what an APDU costs with another driver, less what it costs
 * with this one, is that driver's, and that of USB below it.
 */
#include <ifdhandler.h>
#include <stdint.h>
#include <string.h>

#define EXPORT		__attribute__((visibility("default")))
#define READERS_MAX	16

static const uint8_t atr[] = { 0x3B, 0x80, 0x01, 0x81 };	/* T=1 alone */
static const uint8_t success[] = { 0x90, 0x00 };

static RESPONSECODE give(const void *value, DWORD size, PDWORD Length,
			 PUCHAR Value)
{
	if (*Length < size)
		return IFD_ERROR_INSUFFICIENT_BUFFER;
	memcpy(Value, value, size);
	*Length = size;
	return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHCreateChannelByName(DWORD Lun, LPSTR DeviceName)
{
	(void)Lun;
	(void)DeviceName;
	return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHCreateChannel(DWORD Lun, DWORD Channel)
{
	(void)Lun;
	(void)Channel;
	return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHCloseChannel(DWORD Lun)
{
	(void)Lun;
	return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHGetCapabilities(DWORD Lun, DWORD Tag, PDWORD Length,
					PUCHAR Value)
{
	const uint8_t one = 1, all = READERS_MAX;

	(void)Lun;
	switch (Tag) {
	case TAG_IFD_ATR:
		return give(atr, sizeof(atr), Length, Value);
	case TAG_IFD_SIMULTANEOUS_ACCESS:
		return give(&all, sizeof(all), Length, Value);
	case TAG_IFD_THREAD_SAFE:
	case TAG_IFD_SLOT_THREAD_SAFE:
	case TAG_IFD_SLOTS_NUMBER:
		return give(&one, sizeof(one), Length, Value);
	}
	return IFD_ERROR_TAG;
}

EXPORT RESPONSECODE IFDHSetCapabilities(DWORD Lun, DWORD Tag, DWORD Length,
					PUCHAR Value)
{
	(void)Lun;
	(void)Tag;
	(void)Length;
	(void)Value;
	return IFD_ERROR_TAG;
}

EXPORT RESPONSECODE IFDHSetProtocolParameters(DWORD Lun, DWORD Protocol,
					      UCHAR Flags, UCHAR PTS1,
					      UCHAR PTS2, UCHAR PTS3)
{
	(void)Lun;
	(void)Protocol;
	(void)Flags;
	(void)PTS1;
	(void)PTS2;
	(void)PTS3;
	return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHPowerICC(DWORD Lun, DWORD Action, PUCHAR Atr,
				 PDWORD AtrLength)
{
	(void)Lun;
	(void)Action;
	*AtrLength = MAX_ATR_SIZE;
	return give(atr, sizeof(atr), AtrLength, Atr);
}

EXPORT RESPONSECODE IFDHTransmitToICC(DWORD Lun, SCARD_IO_HEADER SendPci,
				      PUCHAR TxBuffer, DWORD TxLength,
				      PUCHAR RxBuffer, PDWORD RxLength,
				      PSCARD_IO_HEADER RecvPci)
{
	(void)Lun;
	(void)SendPci;
	(void)TxBuffer;
	(void)TxLength;
	(void)RecvPci;
	return give(success, sizeof(success), RxLength, RxBuffer);
}

EXPORT RESPONSECODE IFDHControl(DWORD Lun, DWORD dwControlCode,
				PUCHAR TxBuffer, DWORD TxLength,
				PUCHAR RxBuffer, DWORD RxLength,
				LPDWORD pdwBytesReturned)
{
	(void)Lun;
	(void)dwControlCode;
	(void)TxBuffer;
	(void)TxLength;
	(void)RxBuffer;
	(void)RxLength;
	*pdwBytesReturned = 0;
	return IFD_ERROR_NOT_SUPPORTED;
}

EXPORT RESPONSECODE IFDHICCPresence(DWORD Lun)
{
	(void)Lun;
	return IFD_ICC_PRESENT;
}
