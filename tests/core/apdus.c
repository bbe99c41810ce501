/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "apdus.h"

const uint8_t get_data[5] = { 0x00, 0xCA, 0x00, 0x00, 0x00 };

struct order a;

void open_extended(uint32_t message_size)
{
	device_set_features(&fixture.device, EXTENDED_LEVEL | DEVICE_AUTOMATIC);
	device_set_message(&fixture.device, message_size);
	open_with_card();
}

int send_apdu(const uint8_t *command, size_t size, uint64_t *ret_ms)
{
	order_transmit(&a, 0, command, size);
	for (int i = 0; i < 610 && !call_is_over(&a.call); i++)
		stopped_clock_pass(1000);
	return order_join(&a, ret_ms);
}

int send_beside(enum device_fault fault, unsigned n, uint8_t code)
{
	device_on(&fixture.device, CCID_XFR_BLOCK, fault, n, code);
	return send_apdu(get_data, sizeof(get_data), NULL);
}

void assert_goes_on(void)
{
	if (transmit_serial(0) != SERIAL) {
		assert_int_equal(power_up(0), 0);
		assert_int_equal(transmit_serial(0), SERIAL);
	}
}
