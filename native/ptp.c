/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ptp.h"

#define DEVICE_TRIES 5
/* The kernel's way to name a clock by a descriptor: see clock_getres(2). */
#define CLOCK_OF(fd) ((clockid_t)((~(unsigned int)(fd) << 3) | 3))

int32_t ferrule_ptp_kernel(double *result)
{
	struct timex state = { 0 };
	const int code = adjtimex(&state);

	if (code < 0)
		return ferrule_fail(errno, "adjtimex");
	result[FERRULE_PTP_SYNCHRONIZED] = code != TIME_ERROR && !(state.status & STA_UNSYNC);
	result[FERRULE_PTP_OFFSET_NS] =
		(double)state.offset * (state.status & STA_NANO ? 1.0 : 1000.0);
	result[FERRULE_PTP_ESTIMATED_ERROR_NS] = (double)state.esterror * 1000.0;
	result[FERRULE_PTP_MAXIMUM_ERROR_NS] = (double)state.maxerror * 1000.0;
	/* Parts in a million, with 16 bits behind the point. */
	result[FERRULE_PTP_FREQUENCY_PPB] = (double)state.freq * 1000.0 / 65536.0;
	result[FERRULE_PTP_TAI_OFFSET_S] = state.tai;
	return 0;
}

static double between(const struct timespec *from, const struct timespec *to)
{
	return (double)(to->tv_sec - from->tv_sec) * 1e9 + (double)(to->tv_nsec - from->tv_nsec);
}

static int compare(int fd, double *offset, double *window)
{
	struct timespec before, card, after;

	if (clock_gettime(CLOCK_REALTIME, &before) != 0 ||
	    clock_gettime(CLOCK_OF(fd), &card) != 0 ||
	    clock_gettime(CLOCK_REALTIME, &after) != 0)
		return -errno;
	*window = between(&before, &after);
	*offset = between(&before, &card) - *window / 2;
	return 0;
}

int32_t ferrule_ptp_device(const char *path, double *result)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	int tries, code = 0;

	if (fd < 0)
		return ferrule_fail(errno, "%s", path);
	for (tries = 0; tries < DEVICE_TRIES && code == 0; tries++) {
		double offset = 0, window = 0;

		code = compare(fd, &offset, &window);
		if (tries > 0 && window >= result[FERRULE_PTP_DEVICE_WINDOW_NS])
			continue;
		result[FERRULE_PTP_DEVICE_OFFSET_NS] = offset;
		result[FERRULE_PTP_DEVICE_WINDOW_NS] = window;
	}
	close(fd);
	return code == 0 ? 0 : ferrule_fail(-code, "clock_gettime of %s", path);
}

static int32_t fill(struct sockaddr_un *name, const char *path)
{
	const size_t length = strlen(path);

	*name = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (length >= sizeof(name->sun_path))
		return ferrule_fail(EINVAL, "socket '%s'", path);
	memcpy(name->sun_path, path, length);
	return 0;
}

/* An empty path: the kernel chooses. */
static int own_address(int fd, const struct sockaddr_un *own)
{
	socklen_t bytes = sizeof(*own);

	if (own->sun_path[0] == '\0')
		bytes = offsetof(struct sockaddr_un, sun_path);
	else
		unlink(own->sun_path);
	return bind(fd, (const struct sockaddr *)own, bytes);
}

int32_t ferrule_ptp_open(const char *path, const char *own_path)
{
	struct sockaddr_un server, own;
	int fd, err;

	if (fill(&server, path) != 0 || fill(&own, own_path) != 0)
		return -EINVAL;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ferrule_fail(errno, "socket(AF_UNIX)");
	if (connect(fd, (const struct sockaddr *)&server, sizeof(server)) != 0) {
		err = errno;
		close(fd);
		return ferrule_fail(err, "connect to '%s'", path);
	}
	if (own_address(fd, &own) != 0) {
		err = errno;
		close(fd);
		return ferrule_fail(err, "bind '%s'", own_path);
	}
	return fd;
}

int32_t ferrule_ptp_send(int32_t fd, const uint8_t *message, uint32_t bytes)
{
	if (send(fd, message, bytes, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return ferrule_fail(errno, "send");
	return 0;
}

int32_t ferrule_ptp_receive(int32_t fd, uint8_t *message, uint32_t bytes_max)
{
	const ssize_t bytes = recv(fd, message, bytes_max, MSG_DONTWAIT);

	if (bytes >= 0)
		return (int32_t)bytes;
	return errno == EAGAIN || errno == EINTR ? 0 : ferrule_fail(errno, "recv");
}
