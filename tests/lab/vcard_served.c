/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The served card: another program is the card. Option "path=" names its unix
 * socket (SOCK_SEQPACKET), where it listens. One message is one question:
 *
 *   'R'        reset; answered by an ATR
 *   'A' APDU   answered by data, SW1, SW2; an empty message: the card is mute
 *
 * A server that takes longer than ten seconds is mute. All readers wait for it.
 */
#include "vcard.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define PATIENCE	10	/* seconds */

/* Bytes of the answer, 0 if there is none. */
static size_t question(const struct vcard *card, char what, const void *data,
		       size_t size, void *answer, size_t room)
{
	struct iovec parts[] = {
		{ &what, 1 },
		{ (void *)(uintptr_t)data, size },
	};
	const struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t n;

	if (sendmsg(card->server, &message, MSG_NOSIGNAL) < 0)
		return 0;
	n = recv(card->server, answer, room, 0);
	return n < 0 ? 0 : (size_t)n;
}

static int connect_to(struct vcard *card, const char *path)
{
	const struct timeval patience = { .tv_sec = PATIENCE };
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	card->server = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (card->server < 0 ||
	    connect(card->server, (struct sockaddr *)&address,
		    sizeof(address)) < 0 ||
	    setsockopt(card->server, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)) < 0)
		return -errno;
	card->atr_size = question(card, 'R', NULL, 0, card->atr,
				  sizeof(card->atr));
	return card->atr_size ? 0 : -EPROTO;
}

static int take(struct vcard *card, const char *word)
{
	return strncmp(word, "path=", 5) == 0 ? connect_to(card, word + 5) :
						-ENOENT;
}

/* Its ATR is told once, or an option tells another. */
static void reset(struct vcard *card)
{
	uint8_t atr[VCARD_ATR_MAX];

	question(card, 'R', NULL, 0, atr, sizeof(atr));
}

static size_t apdu(struct vcard *card, const uint8_t *command, size_t size,
		   uint8_t *ret_answer, unsigned *ret_time)
{
	(void)ret_time;
	card->apdus++;
	return question(card, 'A', command, size, ret_answer, VCARD_ANSWER_MAX);
}

const struct vcard_kind vcard_served = {
	.name = "served", .protocols = VCARD_T0 | VCARD_T1, .take = take,
	.reset = reset, .apdu = apdu,
};
