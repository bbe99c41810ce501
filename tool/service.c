/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "service.h"

#include <stddef.h>

#include "root.h"

static const struct service services[] = {
	{ "/run/systemd/system", "sudo systemctl enable --now pcscd.socket",
	  "sudo systemctl restart pcscd",
	  { "systemctl", "--no-block", "try-restart", "pcscd.service" } },
	{ "/run/openrc", "sudo rc-service pcscd start",
	  "sudo rc-service pcscd restart",
	  { "rc-service", "--ifstarted", "pcscd", "restart" } },
	{ NULL, "sudo service pcscd start", "sudo service pcscd restart",
	  { NULL } },
};

const struct service *service_find(void)
{
	const struct service *service = services;

	while (service->init && !root_exists("%s", service->init))
		service++;
	return service;
}
