/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * When bytes were received, by the kernel's or the card's clock, where that was
 * asked for (URING_OPTION_TIMESTAMPS). The kernel notes it with each packet
 * and hands it over as control data of recvmsg(). A card's clock counts in its
 * own epoch (PTP: TAI, 37 s ahead of UTC); its stamp is moved by whole seconds
 * to the kernel's stamp of the same packet. What is further from it than
 * CARD_OFF_NS_MAX then is the stamp of a clock that nobody has set, and the
 * kernel's counts.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/errqueue.h>
#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "uring_internal.h"

#define SECOND_NS 1000000000ll
/* Older stamps say this age: their low 32 bits would come round. */
#define AGE_NS_MAX (4 * SECOND_NS)
#define CARD_OFF_NS_MAX (SECOND_NS / 100)

static int64_t nanoseconds(const struct timespec *time)
{
	return time->tv_sec * SECOND_NS + time->tv_nsec;
}

void uring_ask_times(const struct uring_transport *t, int fd)
{
	int flags = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;

	if (t->options[URING_OPTION_TIMESTAMPS] == URING_TIMES_POLL)
		return;
	if (t->options[URING_OPTION_TIMESTAMPS] == URING_TIMES_HARDWARE)
		flags |= SOF_TIMESTAMPING_RX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE;
	/* A kernel that refuses gives no stamps, and the poll's time counts. */
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof(flags));
}

void uring_prepare_times(const struct uring_transport *t, struct msghdr *message,
			 struct uring_control *control)
{
	if (t->options[URING_OPTION_TIMESTAMPS] == URING_TIMES_POLL)
		return;
	message->msg_control = control->bytes;
	message->msg_controllen = sizeof(control->bytes);
}

/* Of the card if it has one that can be right, else of the kernel; 0 = there is none. */
static int64_t pick(const struct scm_timestamping *stamps)
{
	int64_t kernel = nanoseconds(&stamps->ts[0]);
	int64_t card = nanoseconds(&stamps->ts[2]);
	int64_t off;

	if (card == 0 || kernel == 0)
		return kernel;
	off = (card - kernel) % SECOND_NS;
	if (off > SECOND_NS / 2)
		off -= SECOND_NS;
	else if (off < -SECOND_NS / 2)
		off += SECOND_NS;
	return off > CARD_OFF_NS_MAX || off < -CARD_OFF_NS_MAX ? kernel : kernel + off;
}

int32_t uring_take_time(const struct uring_transport *t, struct msghdr *message)
{
	struct scm_timestamping stamps;
	struct cmsghdr *part;
	struct timespec time;
	int64_t stamp = 0, now;

	if (t->options[URING_OPTION_TIMESTAMPS] == URING_TIMES_POLL)
		return 0;
	for (part = CMSG_FIRSTHDR(message); part != NULL; part = CMSG_NXTHDR(message, part)) {
		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPING)
			continue;
		memcpy(&stamps, CMSG_DATA(part), sizeof(stamps));
		stamp = pick(&stamps);
	}
	clock_gettime(CLOCK_REALTIME, &time);
	now = nanoseconds(&time);
	if (stamp == 0 || stamp > now)
		return 0;
	if (now - stamp > AGE_NS_MAX)
		stamp = now - AGE_NS_MAX;
	/* 0 says that there is none. */
	return (uint32_t)stamp == 0 ? 1 : (int32_t)(uint32_t)stamp;
}

ssize_t uring_receive(struct uring_transport *t, int32_t slot, uint8_t *start, size_t room)
{
	struct uring_connection *c = &t->connections[slot];
	struct iovec vector = {.iov_base = start, .iov_len = room};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
	struct uring_control control;
	ssize_t received;

	if (t->options[URING_OPTION_TIMESTAMPS] == URING_TIMES_POLL)
		return recv(c->fd, start, room, MSG_DONTWAIT);
	uring_prepare_times(t, &message, &control);
	received = recvmsg(c->fd, &message, MSG_DONTWAIT);
	c->received_at = received > 0 ? uring_take_time(t, &message) : 0;
	return received;
}

/* The card of an interface stamps every packet that it receives. */
static bool card_stamps(int fd, const char *name)
{
	struct ethtool_ts_info info = {.cmd = ETHTOOL_GET_TS_INFO};
	struct hwtstamp_config now = {0};
	struct ifreq request = {0};

	strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
	request.ifr_data = (void *)&info;
	if (ioctl(fd, SIOCETHTOOL, &request) != 0 || info.phc_index < 0 ||
	    !(info.so_timestamping & SOF_TIMESTAMPING_RX_HARDWARE))
		return false;
	request.ifr_data = (void *)&now;
	return ioctl(fd, SIOCGHWTSTAMP, &request) == 0 && now.rx_filter == HWTSTAMP_FILTER_ALL;
}

int uring_check_card(const struct uring_transport *t, int fd, uint32_t address)
{
	struct ifaddrs *all, *one;
	bool found = false;

	if (t->options[URING_OPTION_TIMESTAMPS] != URING_TIMES_HARDWARE)
		return 0;
	if (getifaddrs(&all) != 0)
		return -errno;
	for (one = all; one != NULL && !found; one = one->ifa_next) {
		const struct sockaddr_in *name = (const struct sockaddr_in *)(const void *)one->ifa_addr;

		if (name == NULL || name->sin_family != AF_INET)
			continue;
		if (address == 0 || ntohl(name->sin_addr.s_addr) == address)
			found = card_stamps(fd, one->ifa_name);
	}
	freeifaddrs(all);
	return found ? 0 : -EOPNOTSUPP;
}
