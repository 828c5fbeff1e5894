/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "notify.h"

int32_t ferrule_notify_send(const char *socket_path, const char *state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const size_t length = strlen(socket_path);
	socklen_t address_bytes;
	ssize_t sent;
	int32_t result = 0;
	int fd;

	if (length < 2 || length >= sizeof(address.sun_path) ||
	    (socket_path[0] != '/' && socket_path[0] != '@'))
		return ferrule_fail(EINVAL, "socket '%s'", socket_path);
	memcpy(address.sun_path, socket_path, length);
	address_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	if (socket_path[0] == '@')
		address.sun_path[0] = '\0';
	else
		address_bytes++;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ferrule_fail(errno, "socket(AF_UNIX)");
	do {
		sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL,
			      (const struct sockaddr *)&address, address_bytes);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		result = ferrule_fail(errno, "sendto '%s'", socket_path);
	close(fd);
	return result;
}
