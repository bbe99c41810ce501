/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "usb_token.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "iccd.h"
#include "usb_error.h"

#define REQUEST_OUT	0x21	/* class request to the interface */
#define REQUEST_IN	0xA1

/* While a token is busy, the core hears of it so often. */
#define EXTENSION_MS	1000

enum phase {
	IDLE,
	REQUESTING,	/* the control transfer is under way */
	PAUSING,	/* until due */
	ANSWERED,	/* the reply waits for the event thread */
	FAILED,		/* the same with error */
};

struct usb_token {
	libusb_context *context;
	int *news;
	uint8_t interface;

	pthread_mutex_t lock;	/* guards all below; never held in a callback */
	struct libusb_transfer *control;
	uint8_t buffer[LIBUSB_CONTROL_SETUP_SIZE + ICCD_DATA_MAX];
	struct iccd iccd;
	enum phase phase;
	uint64_t due;
	uint64_t told;		/* of the last extension, or of the command */
	int error;
	bool cancelled;
	struct usb_transfer *out;	/* submitted, not completed */
	struct usb_transfer *in;
	size_t out_size;
};

/* A transfer that is over, and how. */
struct ending {
	struct usb_transfer *transfer;	/* NULL: none is */
	int status;
	size_t received;
};

static const struct ending nothing;

/* --- requests; the caller locks */

static void fail(struct usb_token *token, int error)
{
	token->phase = FAILED;
	token->error = error;
}

/* What goes through may be a PIN. */
static void wipe(struct usb_token *token)
{
	explicit_bzero(token->buffer, (size_t)token->control->length);
}

static void make_request(struct usb_token *token)
{
	const struct iccd_request *request = &token->iccd.request;
	int r;

	libusb_fill_control_setup(token->buffer,
				  request->in ? REQUEST_IN : REQUEST_OUT,
				  request->request, request->value,
				  token->interface, (uint16_t)request->size);
	if (!request->in && request->size)
		memcpy(token->buffer + LIBUSB_CONTROL_SETUP_SIZE, request->data,
		       request->size);
	token->control->length =
		(int)(LIBUSB_CONTROL_SETUP_SIZE + request->size);
	token->phase = REQUESTING;
	r = usb_error(libusb_submit_transfer(token->control));
	if (r < 0)
		fail(token, r);
}

static void go_on(struct usb_token *token, enum iccd_next next)
{
	switch (next) {
	case ICCD_REQUEST:
		make_request(token);
		break;
	case ICCD_PAUSE:
		token->phase = PAUSING;
		token->due = clock_now() + token->iccd.pause_ms;
		break;
	case ICCD_ANSWER:
		token->phase = ANSWERED;
		break;
	}
}

/* --- endings; the caller locks */

static struct ending end_out(struct usb_token *token, int status)
{
	struct ending ending = { token->out, status, 0 };

	if (status == 0)
		ending.received = token->out_size;
	token->out = NULL;
	return ending;
}

static struct ending end_in(struct usb_token *token, int status, size_t size)
{
	struct ending ending = { token->in, status, size };

	token->in = NULL;
	return ending;
}

/* The command is over before its reply: OUT ends first, as on bulk pipes. */
static struct ending end_early(struct usb_token *token)
{
	int status = token->cancelled ? -ECANCELED : token->error;

	if (token->out)
		return end_out(token, status);
	token->phase = IDLE;
	token->cancelled = false;
	wipe(token);
	explicit_bzero(token->iccd.answer, sizeof(token->iccd.answer));
	return end_in(token, status, 0);
}

/* Into a transfer as long as the longest message; who has left gets nothing. */
static struct ending give(struct usb_token *token, const uint8_t *message,
			  size_t size)
{
	if (!token->in)
		return nothing;
	if (size > token->in->size)
		return end_in(token, -EOVERFLOW, 0);
	memcpy(token->in->data, message, size);
	return end_in(token, 0, size);
}

static struct ending give_answer(struct usb_token *token)
{
	struct ending ending;

	token->phase = IDLE;
	ending = give(token, token->iccd.answer, token->iccd.answer_size);
	explicit_bzero(token->iccd.answer, token->iccd.answer_size);
	return ending;
}

static struct ending give_extension(struct usb_token *token)
{
	uint8_t message[CCID_HEADER_SIZE];
	uint64_t now = clock_now();

	if (now - token->told < EXTENSION_MS)
		return nothing;
	token->told = now;
	iccd_put_extension(&token->iccd, message);
	return give(token, message, sizeof(message));
}

/* A transfer that is over, or none. */
static struct ending next_ending(struct usb_token *token)
{
	if (token->phase == REQUESTING)
		return nothing;
	if (token->cancelled || token->phase == FAILED)
		return end_early(token);
	if (token->out)
		return end_out(token, 0);
	switch (token->phase) {
	case PAUSING:
		return give_extension(token);
	case ANSWERED:
		return give_answer(token);
	case FAILED:
	case IDLE:
	case REQUESTING:
		break;
	}
	return nothing;
}

static void resume(struct usb_token *token)
{
	if (token->phase == PAUSING && !token->cancelled &&
	    clock_now() >= token->due)
		go_on(token, iccd_resume(&token->iccd));
}

void usb_token_work(struct usb_token *token)
{
	struct ending ending;

	do {
		pthread_mutex_lock(&token->lock);
		resume(token);
		ending = next_ending(token);
		pthread_mutex_unlock(&token->lock);
		if (ending.transfer)
			ending.transfer->done(ending.transfer, ending.status,
					      ending.received);
	} while (ending.transfer);
}

static enum iccd_next take_outcome(struct usb_token *token,
				   const struct libusb_transfer *control)
{
	if (control->status == LIBUSB_TRANSFER_STALL)
		return iccd_stalled(&token->iccd);
	return iccd_step(&token->iccd,
			 token->buffer + LIBUSB_CONTROL_SETUP_SIZE,
			 (size_t)control->actual_length);
}

/*
 * Mostly in the event thread; but whoever waits in libusb for a control transfer
 * of its own handles events, too, and this one perhaps just before the event
 * thread begins to wait, for longer than the pause that comes now. It looks at
 * news once no other thread handles events.
 */
static void control_done(struct libusb_transfer *control)
{
	struct usb_token *token = control->user_data;
	int status = usb_error_of_status(control->status);
	enum iccd_next next;

	pthread_mutex_lock(&token->lock);
	token->phase = IDLE;
	if (status < 0 && status != -EPIPE) {
		fail(token, status);
	} else if (!token->cancelled) {
		next = take_outcome(token, control);
		wipe(token);
		go_on(token, next);
	}
	pthread_mutex_unlock(&token->lock);
	__atomic_store_n(token->news, 1, __ATOMIC_SEQ_CST);
	usb_token_work(token);
}

void usb_token_limit(struct usb_token *token, struct timeval *wait)
{
	uint64_t now = clock_now(), ms = 0;

	pthread_mutex_lock(&token->lock);
	if (token->phase == PAUSING) {
		if (token->due > now)
			ms = token->due - now;
		wait->tv_sec = (time_t)(ms / 1000);
		wait->tv_usec = (suseconds_t)(ms % 1000 * 1000);
	}
	pthread_mutex_unlock(&token->lock);
}

/* --- for the core */

/* What needs no request is completed by the event thread all the same. */
static int submit_out(struct usb_token *token, struct usb_transfer *transfer,
		      size_t size)
{
	if (token->phase != IDLE || token->out)
		return -EBUSY;
	if (size < CCID_HEADER_SIZE || size > ICCD_MESSAGE_MAX)
		return -EIO;
	token->told = clock_now();
	go_on(token, iccd_start(&token->iccd, transfer->data, size));
	if (token->phase == FAILED) {
		token->phase = IDLE;
		return token->error;
	}
	token->out = transfer;
	token->out_size = size;
	if (token->phase != REQUESTING)
		libusb_interrupt_event_handler(token->context);
	return 0;
}

int usb_token_submit(struct usb_token *token, enum usb_pipe pipe,
		     struct usb_transfer *transfer, size_t size)
{
	int r = 0;

	pthread_mutex_lock(&token->lock);
	if (pipe == USB_OUT)
		r = submit_out(token, transfer, size);
	else if (token->in)
		r = -EBUSY;
	else
		token->in = transfer;
	pthread_mutex_unlock(&token->lock);
	return r;
}

void usb_token_cancel(struct usb_token *token,
		      const struct usb_transfer *transfer)
{
	pthread_mutex_lock(&token->lock);
	if (transfer == token->out || transfer == token->in) {
		token->cancelled = true;
		if (token->phase == REQUESTING)
			libusb_cancel_transfer(token->control);
		else
			libusb_interrupt_event_handler(token->context);
	}
	pthread_mutex_unlock(&token->lock);
}

void usb_token_was_reset(struct usb_token *token)
{
	pthread_mutex_lock(&token->lock);
	token->iccd.powered = false;
	pthread_mutex_unlock(&token->lock);
}

int usb_token_new(libusb_context *context, libusb_device_handle *handle,
		  const struct usb_interface *interface, int *news,
		  struct usb_token **ret_token)
{
	struct usb_token *token;
	struct desc desc;
	int r = desc_parse(interface->descriptor, DESC_SIZE, &desc);

	if (r < 0)
		return -EPROTO;
	token = calloc(1, sizeof(*token));
	if (!token)
		return -ENOMEM;
	token->control = libusb_alloc_transfer(0);
	if (!token->control) {
		free(token);
		return -ENOMEM;
	}
	token->context = context;
	token->news = news;
	token->interface = interface->number;
	iccd_init(&token->iccd, interface->protocol, desc.level);
	pthread_mutex_init(&token->lock, NULL);
	libusb_fill_control_transfer(token->control, handle, token->buffer,
				     control_done, token, 0);
	*ret_token = token;
	return 0;
}

void usb_token_free(struct usb_token *token)
{
	if (!token)
		return;
	libusb_free_transfer(token->control);
	pthread_mutex_destroy(&token->lock);
	free(token);
}
