/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/**
 * @file
 * The yardstick over DPDK: answers each request of --in bytes with --out
 * bytes, through the same shim as the appliance (native/dpdk.c, dpdk_tcp.c),
 * and does nothing else. One client at a time. Ends on SIGTERM or after
 * --seconds.
 *
 *   dpdk_echo --device net_af_xdp0,iface=veth0 --address 10.99.0.2 --port 9100
 *             --over tcp|udp [--prefix 24] [--in 50] [--out 80] [--core -1]
 *             [--seconds 60]
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common.h"
#include "dpdk.h"

#define MESSAGE_BYTES_MAX 1472
#define LOOKS_PER_CLOCK 65536
#define BUFFERS 16383
#define CONNECTIONS 8
#define RECEIVE_BYTES 65536
#define SEND_BYTES 524288
#define MEMORY_MIB 256

static int32_t handle;
static uint32_t in_bytes, out_bytes;
static uint8_t *streams;
static struct ferrule_dpdk_shared *shared;
static int64_t answered;

/* Room in the buffer that is being filled, or in the other one; NULL = none. */
static uint8_t *reserve(int32_t *words, int32_t slot)
{
	const int32_t half = SEND_BYTES / 2;
	int32_t which = words[FERRULE_TCP_SEND_FILL];

	if (words[FERRULE_TCP_SEND_COMMITTED + which] + (int32_t)out_bytes > half) {
		which ^= 1;
		if (words[FERRULE_TCP_SEND_COMMITTED + which] != 0)
			return NULL;
		words[FERRULE_TCP_SEND_FILL] = which;
	}
	return streams + (size_t)slot * (RECEIVE_BYTES + SEND_BYTES) + RECEIVE_BYTES +
	       which * half + words[FERRULE_TCP_SEND_COMMITTED + which];
}

static void answer_stream(int32_t id, int32_t length)
{
	const int32_t slot = id & ((1 << FERRULE_TCP_SLOT_BITS) - 1);
	int32_t *words = shared->connections + slot * FERRULE_TCP_WORDS;
	int32_t rest = length;
	uint8_t *room;

	while (rest >= (int32_t)in_bytes && (room = reserve(words, slot)) != NULL) {
		memset(room, 0, out_bytes);
		words[FERRULE_TCP_SEND_COMMITTED + words[FERRULE_TCP_SEND_FILL]] += (int32_t)out_bytes;
		words[FERRULE_TCP_SEND_PENDING] += (int32_t)out_bytes;
		rest -= (int32_t)in_bytes;
		answered++;
	}
	words[FERRULE_TCP_RECEIVE_HEAD] += length - rest;
	words[FERRULE_TCP_RECEIVE_WANTED] = 1;
	if (words[FERRULE_TCP_DIRTY] == 0) {
		words[FERRULE_TCP_DIRTY] = 1;
		shared->dirty[shared->dirty_count++] = slot;
	}
}

static void answer_datagram(const int32_t *completion)
{
	static int32_t offered;
	int32_t *send = shared->sends;

	if (offered <= 0)
		offered = ferrule_dpdk_send(handle, 0);
	if (offered <= 0)
		return;
	send[FERRULE_DPDK_SEND_LISTENER] = completion[FERRULE_DPDK_COMPLETION_LISTENER];
	send[FERRULE_DPDK_SEND_ADDRESS] = completion[FERRULE_DPDK_COMPLETION_ADDRESS];
	send[FERRULE_DPDK_SEND_PORT] = completion[FERRULE_DPDK_COMPLETION_PORT];
	send[FERRULE_DPDK_SEND_BYTES] = (int32_t)out_bytes;
	offered = ferrule_dpdk_send(handle, 1);
	answered++;
}

static void serve(void)
{
	int32_t count, index;
	int looks = 0;

	while (++looks % LOOKS_PER_CLOCK != 0 || !bench_over()) {
		count = ferrule_dpdk_poll(handle, 0);
		for (index = 0; index < count; index++) {
			const int32_t *completion =
				shared->completions + index * FERRULE_DPDK_COMPLETION_WORDS;
			const int32_t kind = completion[FERRULE_DPDK_COMPLETION_KIND];

			if (kind == FERRULE_DPDK_KIND_RECEIVED)
				answer_stream(completion[FERRULE_DPDK_COMPLETION_ID],
					      completion[FERRULE_DPDK_COMPLETION_LENGTH]);
			else if (kind == FERRULE_DPDK_KIND_DATAGRAM)
				answer_datagram(completion);
		}
	}
}

static void open_port(int count, char **arguments, bool tcp)
{
	uint32_t settings[FERRULE_DPDK_SET_WORDS] = { 0 };
	double info[FERRULE_DPDK_INFO_WORDS] = { 0 };
	const uint32_t port =
		(uint32_t)bench_number(count, arguments, "port", 9100, 1, 65535);
	const char *device = bench_text(count, arguments, "device", "");
	struct in_addr address;

	if (inet_aton(bench_text(count, arguments, "address", "10.99.0.2"), &address) == 0)
		bench_fail("--address is no IPv4 address");
	settings[FERRULE_DPDK_SET_ADDRESS] = ntohl(address.s_addr);
	settings[FERRULE_DPDK_SET_PREFIX] =
		(uint32_t)bench_number(count, arguments, "prefix", 24, 20, 30);
	settings[FERRULE_DPDK_SET_BUFFERS] = BUFFERS;
	settings[FERRULE_DPDK_SET_CONNECTIONS] = tcp ? CONNECTIONS : 0;
	settings[FERRULE_DPDK_SET_RECEIVE_BYTES] = RECEIVE_BYTES;
	settings[FERRULE_DPDK_SET_SEND_BYTES] = SEND_BYTES;
	settings[FERRULE_DPDK_SET_LINGER_MS] = 1000;
	if (ferrule_dpdk_start(-1, 0, MEMORY_MIB, "") < 0)
		bench_fail("DPDK does not start");
	handle = ferrule_dpdk_open(device, settings, info);
	if (handle < 0)
		bench_fail("%s does not open: %d", device, handle);
	shared = (struct ferrule_dpdk_shared *)(uintptr_t)info[FERRULE_DPDK_INFO_SHARED_ADDRESS];
	streams = (uint8_t *)(uintptr_t)info[FERRULE_DPDK_INFO_BYTES_ADDRESS] +
		  (size_t)info[FERRULE_DPDK_INFO_STREAMS];
	if ((tcp ? ferrule_dpdk_listen_stream(handle, port) :
		   ferrule_dpdk_listen(handle, 0, port)) < 0)
		bench_fail("no listener on port %u", port);
}

int main(int count, char **arguments)
{
	const char *over = bench_text(count, arguments, "over", "tcp");
	const bool tcp = strcmp(over, "tcp") == 0;

	if (!tcp && strcmp(over, "udp") != 0)
		bench_fail("--over is tcp or udp");
	in_bytes = (uint32_t)bench_number(count, arguments, "in", 50, 1, MESSAGE_BYTES_MAX);
	out_bytes = (uint32_t)bench_number(count, arguments, "out", 80, 1, MESSAGE_BYTES_MAX);
	bench_pin(bench_number(count, arguments, "core", -1, -1, 1023));
	bench_stop_on_signal();
	bench_deadline_start(bench_number(count, arguments, "seconds", 60, 1, 3600));
	open_port(count, arguments, tcp);
	/* Not where libbpf writes what it skips. */
	printf("ready\n");
	fflush(stdout);
	serve();
	ferrule_dpdk_close(handle);
	printf("{\"program\":\"dpdk_echo\",\"over\":\"%s\",\"answered\":%lld}\n", over,
	       (long long)answered);
	return 0;
}
