/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ifd - the ten functions that pcscd calls, and the two that it fetches.
 *
 * The table of tags, errors to response codes. Every entry disables cancellation
 * for its thread and leaves it disabled: pcscd may cancel its event thread
 * (TAG_IFD_POLLING_THREAD_KILLABLE), and that must happen where nothing is held,
 * as the polling function begins and in its wait, not somewhere in pcscd between
 * two calls of ours with its own locks held.
 */
#include <errno.h>
#include <ifdhandler.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cancel.h"
#include "card.h"
#include "control.h"
#include "log.h"
#include "lun.h"
#include "movement_told.h"
#include "options.h"
#include "reader.h"
#include "transmit.h"

#define EXPORT	__attribute__((visibility("default")))

static const struct {
	int error;
	RESPONSECODE code;
} codes[] = {
	{ 0, IFD_SUCCESS },
	{ -ENODEV, IFD_NO_SUCH_DEVICE },
	{ -ENOMEDIUM, IFD_ICC_NOT_PRESENT },
	{ -ETIMEDOUT, IFD_RESPONSE_TIMEOUT },
	{ -ENOBUFS, IFD_ERROR_INSUFFICIENT_BUFFER },
	{ -ENOTSUP, IFD_ERROR_NOT_SUPPORTED },
	{ -ENODATA, IFD_ERROR_TAG },
	{ -EPROTONOSUPPORT, IFD_PROTOCOL_NOT_SUPPORTED },
};

static RESPONSECODE code_of(int error)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].error == error)
			return codes[i].code;
	return IFD_COMMUNICATION_ERROR;
}

/* For calls whose failure pcscd knows by one code; a lost device is another. */
static RESPONSECODE code_or(int error, RESPONSECODE code)
{
	if (error == 0)
		return IFD_SUCCESS;
	return error == -ENODEV ? IFD_NO_SUCH_DEVICE : code;
}

/* -ENXIO: another interface of the same device, quietly left alone. */
static RESPONSECODE code_of_open(int error, const char *device)
{
	if (error == 0)
		return IFD_SUCCESS;
	if (error == -ENXIO || error == -ENODEV) {
		log_write(LOG_LEVEL_INFO, NULL, "%s: %s", device,
			  error == -ENXIO ? "not a smart card reader's interface"
					  : "no such device");
		return IFD_NO_SUCH_DEVICE;
	}
	log_write(LOG_LEVEL_CRITICAL, NULL, "%s: cannot be opened: %s", device,
		  strerror(-error));
	return IFD_COMMUNICATION_ERROR;
}

EXPORT RESPONSECODE IFDHCreateChannelByName(DWORD Lun, LPSTR DeviceName)
{
	cancel_shut();
	if (!DeviceName)
		return IFD_COMMUNICATION_ERROR;
	return code_of_open(lun_open(Lun, DeviceName), DeviceName);
}

/* Only reader.conf entries without a device name come here: no USB reader. */
EXPORT RESPONSECODE IFDHCreateChannel(DWORD Lun, DWORD Channel)
{
	cancel_shut();
	log_write(LOG_LEVEL_CRITICAL, NULL,
		  "Lun %lX, channel %lX: a USB reader is opened by its name",
		  Lun, Channel);
	return IFD_COMMUNICATION_ERROR;
}

EXPORT RESPONSECODE IFDHCloseChannel(DWORD Lun)
{
	cancel_shut();
	return lun_close(Lun) == 0 ? IFD_SUCCESS : IFD_COMMUNICATION_ERROR;
}

/* An order to end is obeyed, whatever the polling function returns later. */
static void obey_cancel(void)
{
	sigset_t before;

	cancel_open(&before);
	pthread_testcancel();
	cancel_close(&before);
}

static RESPONSECODE poll_lun(DWORD Lun, int timeout_ms)
{
	struct lun *lun;
	int r;

	obey_cancel();
	lun = lun_get(Lun);
	if (!lun)
		return IFD_NO_SUCH_DEVICE;
	pthread_cleanup_push(lun_put, lun);
	r = movement_wait(lun->reader, lun->slot, timeout_ms);
	pthread_cleanup_pop(1);
	return code_of(r);
}

static RESPONSECODE stop_lun(DWORD Lun)
{
	struct lun *lun;

	cancel_shut();
	lun = lun_get(Lun);
	if (!lun)
		return IFD_COMMUNICATION_ERROR;
	movement_stop(lun->reader, lun->slot);
	lun_put(lun);
	return IFD_SUCCESS;
}

/*
 * Tags. A get function fills at most 264 bytes, pcscd's own buffer for
 * attributes, and returns how many, or a negative errno. Those here are pcscd's
 * own; all others are the attributes of attribute.h.
 */

#define VALUE_MAX	ATTRIBUTE_MAX

#define ANY_SIZE	0

typedef int get_tag(struct lun *lun, unsigned char value[VALUE_MAX]);

static int get_poll(struct lun *lun, unsigned char value[VALUE_MAX])
{
	RESPONSECODE (*function)(DWORD, int) = poll_lun;

	(void)lun;
	memcpy(value, &function, sizeof(function));
	return sizeof(function);
}

static int get_stop(struct lun *lun, unsigned char value[VALUE_MAX])
{
	RESPONSECODE (*function)(DWORD) = stop_lun;

	(void)lun;
	memcpy(value, &function, sizeof(function));
	return sizeof(function);
}

static int get_yes(struct lun *lun, unsigned char value[VALUE_MAX])
{
	(void)lun;
	value[0] = 1;
	return 1;
}

static int get_readers_max(struct lun *lun, unsigned char value[VALUE_MAX])
{
	(void)lun;
	value[0] = LUN_READERS_MAX;
	return 1;
}

static int get_slots(struct lun *lun, unsigned char value[VALUE_MAX])
{
	value[0] = lun->reader->desc.slots;
	return 1;
}

static const struct {
	DWORD tag;
	DWORD size;
	get_tag *get;
} tags[] = {
	{ TAG_IFD_POLLING_THREAD_WITH_TIMEOUT, sizeof(void *), get_poll },
	{ TAG_IFD_STOP_POLLING_THREAD, sizeof(void *), get_stop },
	{ TAG_IFD_POLLING_THREAD_KILLABLE, ANY_SIZE, get_yes },
	{ TAG_IFD_SIMULTANEOUS_ACCESS, ANY_SIZE, get_readers_max },
	{ TAG_IFD_THREAD_SAFE, ANY_SIZE, get_yes },
	{ TAG_IFD_SLOT_THREAD_SAFE, ANY_SIZE, get_yes },
	{ TAG_IFD_SLOTS_NUMBER, ANY_SIZE, get_slots },
	{ TAG_IFD_DEVICE_REMOVED, ANY_SIZE, get_yes },
};

/*
 * Any client can ask for any tag through SCardGetAttrib, with a buffer of
 * VALUE_MAX bytes; addresses of functions are for pcscd alone, whose buffer has
 * just their size.
 */
static get_tag *find_tag(DWORD tag, DWORD size)
{
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (tags[i].tag == tag &&
		    (tags[i].size == ANY_SIZE || tags[i].size == size))
			return tags[i].get;
	return NULL;
}

static int get_value_of(struct lun *lun, DWORD tag, DWORD size,
			unsigned char value[VALUE_MAX])
{
	get_tag *get = find_tag(tag, size);

	if (get)
		return get(lun, value);
	return control_attribute(lun->reader, lun->slot, tag, value);
}

static RESPONSECODE give_value(const unsigned char *value, int size,
			       PDWORD Length, PUCHAR Value)
{
	if (size < 0)
		return code_of(size);
	if (Value && *Length < (DWORD)size)
		return IFD_ERROR_INSUFFICIENT_BUFFER;
	if (Value)
		memcpy(Value, value, (size_t)size);
	*Length = (DWORD)size;
	return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHGetCapabilities(DWORD Lun, DWORD Tag, PDWORD Length,
					PUCHAR Value)
{
	unsigned char value[VALUE_MAX];
	RESPONSECODE code;
	struct lun *lun;

	cancel_shut();
	if (!Length)
		return IFD_ERROR_TAG;
	lun = lun_get(Lun);
	if (!lun)
		return IFD_COMMUNICATION_ERROR;
	code = give_value(value, get_value_of(lun, Tag, *Length, value),
			  Length, Value);
	lun_put(lun);
	return code;
}

EXPORT RESPONSECODE IFDHSetCapabilities(DWORD Lun, DWORD Tag, DWORD Length,
					PUCHAR Value)
{
	struct lun *lun;

	cancel_shut();
	if (Tag != TAG_IFD_DEVICE_REMOVED || Length != 1 || !Value)
		return IFD_ERROR_TAG;
	lun = lun_get(Lun);
	if (!lun)
		return IFD_COMMUNICATION_ERROR;
	if (Value[0])
		reader_removed(lun->reader, lun->slot);
	lun_put(lun);
	return IFD_SUCCESS;
}

/* Whatever refuses the card is "the protocol cannot be set" to pcscd. */
EXPORT RESPONSECODE IFDHSetProtocolParameters(DWORD Lun, DWORD Protocol,
					      UCHAR Flags, UCHAR PTS1,
					      UCHAR PTS2, UCHAR PTS3)
{
	struct lun *lun;
	int r;

	(void)Flags;
	(void)PTS1;
	(void)PTS2;
	(void)PTS3;
	cancel_shut();
	lun = lun_get(Lun);
	if (!lun)
		return IFD_COMMUNICATION_ERROR;
	r = -EPROTONOSUPPORT;
	if (Protocol == SCARD_PROTOCOL_T0 || Protocol == SCARD_PROTOCOL_T1)
		r = card_set_protocol(lun->reader, lun->slot,
				      Protocol == SCARD_PROTOCOL_T1);
	lun_put(lun);
	if (r == -EPROTONOSUPPORT)
		return IFD_PROTOCOL_NOT_SUPPORTED;
	return code_or(r, IFD_ERROR_PTS_FAILURE);
}

static int power(struct lun *lun, DWORD action, PUCHAR atr, size_t *ret_size)
{
	switch (action) {
	case IFD_POWER_UP:
		return card_power_up(lun->reader, lun->slot, false, atr,
				     ret_size);
	case IFD_RESET:
		return card_power_up(lun->reader, lun->slot, true, atr,
				     ret_size);
	case IFD_POWER_DOWN:
		card_power_off(lun->reader, lun->slot);
		return 0;
	}
	return -EINVAL;
}

EXPORT RESPONSECODE IFDHPowerICC(DWORD Lun, DWORD Action, PUCHAR Atr,
				 PDWORD AtrLength)
{
	unsigned char atr[READER_ATR_MAX];
	size_t room, size = 0;
	struct lun *lun;
	int r;

	cancel_shut();
	if (!Atr || !AtrLength)
		return IFD_COMMUNICATION_ERROR;
	room = *AtrLength;
	*AtrLength = 0;
	lun = lun_get(Lun);
	if (!lun)
		return IFD_COMMUNICATION_ERROR;
	r = power(lun, Action, atr, &size);
	lun_put(lun);
	if (size > room)
		r = -ENOBUFS;
	if (r == -EINVAL)
		return IFD_NOT_SUPPORTED;
	if (r < 0)
		return code_or(r, IFD_ERROR_POWER_ACTION);
	memcpy(Atr, atr, size);
	*AtrLength = size;
	return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHTransmitToICC(DWORD Lun, SCARD_IO_HEADER SendPci,
				      PUCHAR TxBuffer, DWORD TxLength,
				      PUCHAR RxBuffer, PDWORD RxLength,
				      PSCARD_IO_HEADER RecvPci)
{
	size_t room, size = 0;
	struct lun *lun;
	int r;

	(void)RecvPci;
	cancel_shut();
	if (!RxLength)
		return IFD_COMMUNICATION_ERROR;
	room = *RxLength;
	*RxLength = 0;
	if (!TxBuffer || !RxBuffer)
		return IFD_COMMUNICATION_ERROR;
	lun = lun_get(Lun);
	if (!lun)
		return IFD_COMMUNICATION_ERROR;
	r = transmit(lun->reader, lun->slot,
		     SendPci.Protocol > 1 ? TRANSMIT_ANY
					  : (int)SendPci.Protocol,
		     TxBuffer, TxLength, RxBuffer, room, &size);
	lun_put(lun);
	*RxLength = size;
	return code_of(r);
}

EXPORT RESPONSECODE IFDHControl(DWORD Lun, DWORD dwControlCode,
				PUCHAR TxBuffer, DWORD TxLength,
				PUCHAR RxBuffer, DWORD RxLength,
				LPDWORD pdwBytesReturned)
{
	struct lun *lun;
	size_t size = 0;
	int r;

	cancel_shut();
	if (!pdwBytesReturned)
		return IFD_COMMUNICATION_ERROR;
	*pdwBytesReturned = 0;
	if ((!TxBuffer && TxLength) || (!RxBuffer && RxLength))
		return IFD_COMMUNICATION_ERROR;
	lun = lun_get(Lun);
	if (!lun)
		return IFD_COMMUNICATION_ERROR;
	r = control(lun->reader, lun->slot, dwControlCode, TxBuffer, TxLength,
		    RxBuffer, RxLength, &size);
	lun_put(lun);
	*pdwBytesReturned = size;
	return code_of(r);
}

EXPORT RESPONSECODE IFDHICCPresence(DWORD Lun)
{
	enum track_presence presence;
	struct lun *lun;

	cancel_shut();
	lun = lun_get(Lun);
	if (!lun)
		return IFD_COMMUNICATION_ERROR;
	presence = movement_presence(lun->reader, lun->slot);
	lun_put(lun);
	switch (presence) {
	case TRACK_EMPTY:
		return IFD_ICC_NOT_PRESENT;
	case TRACK_PRESENT:
		return IFD_ICC_PRESENT;
	case TRACK_GONE:
		break;
	}
	return IFD_NO_SUCH_DEVICE;
}
