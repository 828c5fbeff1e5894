/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

int32_t ferrule_host_list(const char *path, char *names, int32_t names_bytes)
{
	const struct dirent *entry;
	int32_t used = 0, length;
	DIR *directory = opendir(path);

	if (!directory)
		return ferrule_fail(errno, "%s", path);
	while ((entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		length = (int32_t)strlen(entry->d_name);
		if (used + length + 1 > names_bytes) {
			closedir(directory);
			return ferrule_fail(EOVERFLOW, "%s has more than %d bytes of names", path,
					    names_bytes);
		}
		memcpy(names + used, entry->d_name, (size_t)length);
		names[used + length] = '\n';
		used += length + 1;
	}
	closedir(directory);
	return used;
}

int32_t ferrule_host_link(const char *path, char *target, int32_t target_bytes)
{
	const ssize_t length = readlink(path, target, (size_t)target_bytes);

	if (length < 0)
		return ferrule_fail(errno, "%s", path);
	return (int32_t)length;
}

int32_t ferrule_host_stat(const char *path, double *result)
{
	struct stat found;

	if (stat(path, &found) != 0)
		return ferrule_fail(errno, "%s", path);
	result[FERRULE_STAT_MODE] = (double)found.st_mode;
	result[FERRULE_STAT_UID] = (double)found.st_uid;
	result[FERRULE_STAT_GID] = (double)found.st_gid;
	result[FERRULE_STAT_INODE] = (double)found.st_ino;
	result[FERRULE_STAT_WRITABLE] = faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
	return 0;
}

int32_t ferrule_host_interface(const char *address, char *name, int32_t name_bytes)
{
	struct ifaddrs *all, *one;
	struct in_addr wanted;
	int32_t length = 0;

	if (inet_pton(AF_INET, address, &wanted) != 1)
		return ferrule_fail(EINVAL, "IPv4 address '%s'", address);
	if (getifaddrs(&all) != 0)
		return ferrule_fail(errno, "getifaddrs");
	for (one = all; one && length == 0; one = one->ifa_next) {
		struct sockaddr_in found;

		if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET)
			continue;
		memcpy(&found, one->ifa_addr, sizeof(found));
		if (found.sin_addr.s_addr != wanted.s_addr)
			continue;
		length = (int32_t)strnlen(one->ifa_name, (size_t)name_bytes);
		memcpy(name, one->ifa_name, (size_t)length);
	}
	freeifaddrs(all);
	return length;
}

int32_t ferrule_host_coalescing(const char *interface, double *result)
{
	struct ethtool_coalesce found = { .cmd = ETHTOOL_GCOALESCE };
	struct ifreq request;
	const size_t length = strlen(interface);
	int fd, err = 0;

	if (length >= IFNAMSIZ)
		return ferrule_fail(EINVAL, "interface '%s'", interface);
	memset(&request, 0, sizeof(request));
	memcpy(request.ifr_name, interface, length);
	request.ifr_data = (char *)&found;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ferrule_fail(errno, "socket(AF_INET)");
	if (ioctl(fd, SIOCETHTOOL, &request) != 0)
		err = errno;
	close(fd);
	if (err != 0)
		return ferrule_fail(err, "ETHTOOL_GCOALESCE of %s", interface);
	result[FERRULE_COALESCE_RX_US] = found.rx_coalesce_usecs;
	result[FERRULE_COALESCE_RX_FRAMES] = found.rx_max_coalesced_frames;
	result[FERRULE_COALESCE_RX_ADAPTIVE] = found.use_adaptive_rx_coalesce;
	result[FERRULE_COALESCE_TX_US] = found.tx_coalesce_usecs;
	result[FERRULE_COALESCE_TX_FRAMES] = found.tx_max_coalesced_frames;
	result[FERRULE_COALESCE_TX_ADAPTIVE] = found.use_adaptive_tx_coalesce;
	return 0;
}

static double now_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* 0 when the connection stands; errno otherwise. */
static int wait_connected(int fd, uint32_t timeout_ms)
{
	struct pollfd waiting = { .fd = fd, .events = POLLOUT };
	socklen_t bytes = sizeof(int);
	int err = 0, ready;

	do {
		ready = poll(&waiting, 1, (int)timeout_ms);
	} while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return errno;
	if (ready == 0)
		return ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &bytes) != 0)
		return errno;
	return err;
}

int32_t ferrule_host_connect(const char *address, uint32_t port, uint32_t timeout_ms,
			     double *result)
{
	struct sockaddr_in peer = { .sin_family = AF_INET };
	double start;
	int fd, err = 0;

	if (port > 65535 || inet_pton(AF_INET, address, &peer.sin_addr) != 1)
		return ferrule_fail(EINVAL, "IPv4 address and port '%s:%u'", address, port);
	peer.sin_port = htons((uint16_t)port);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ferrule_fail(errno, "socket(AF_INET)");
	start = now_us();
	if (connect(fd, (const struct sockaddr *)&peer, sizeof(peer)) != 0)
		err = errno == EINPROGRESS ? wait_connected(fd, timeout_ms) : errno;
	*result = now_us() - start;
	close(fd);
	if (err != 0)
		return ferrule_fail(err, "connect to %s:%u", address, port);
	return 0;
}
