/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/*
 * Random and half-right TCP segments through streams_receive(), in memory that
 * ends with the packet, so that the address sanitizer sees the first byte read
 * beyond it. Built together with dpdk_tcp.c and lwIP, without DPDK: its frames
 * are here. The clients know what the stack answered last, so that many of
 * their segments fall into the window; the owner echoes, waits and closes.
 *
 *   seed -> segment -> streams_receive -> completions -> echo | close | reset
 *
 * At the end nothing may be left in lwIP's pools.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dpdk_tcp.h"

#define ROUNDS 300000
#define ADDRESS 0x0a630002u
#define CLIENT_ADDRESS 0x0a630001u
#define LISTENING_PORT 7100
#define CLIENTS 12
#define CONNECTIONS 4
#define RECEIVE_BYTES 16384
#define SEND_BYTES 32768
#define SYN 2
#define ACK 16

/** What a client would acknowledge, and send next. */
static struct client {
	uint32_t acknowledges;
	uint32_t sequence;
} clients[CLIENTS];

static uint64_t state;
static uint32_t frames_out, answers, kinds[5];
static struct ferrule_dpdk_shared shared;
static uint8_t answer[1600];

static uint32_t next(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 33) % below;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

int32_t ferrule_fail(int32_t err, const char *format, ...)
{
	(void)format;
	return -err;
}

void *streams_frame_new(struct port *port, uint8_t **packet)
{
	(void)port;
	/* Now and then there is no buffer. */
	if (next(50) == 0)
		return NULL;
	*packet = answer;
	return answer;
}

void streams_frame_send(struct port *port, void *frame, uint32_t address, uint32_t bytes)
{
	const uint8_t *tcp = answer + 20;
	const uint32_t client = ((uint32_t)tcp[2] << 8 | tcp[3]) - 1000;
	const uint32_t header = (uint32_t)(tcp[12] >> 4) * 4;

	(void)port;
	(void)frame;
	if (bytes < 40 || bytes > 1500 || address != CLIENT_ADDRESS || client >= CLIENTS)
		abort();
	answers++;
	clients[client].acknowledges = get32(tcp + 4) + (bytes - 20 - header) + ((tcp[13] & 3) != 0);
	if ((tcp[13] & ACK) != 0)
		clients[client].sequence = get32(tcp + 8);
}

void streams_frame_free(void *frame)
{
	frames_out--;
	free(frame);
}

/* Options of TCP, half of them wrong. */
static uint32_t draw_options(uint8_t *at)
{
	static const uint8_t good[] = { 2, 4, 5, 0xb4, 3, 3, 7, 4, 2, 1, 1, 1 };
	const uint32_t bytes = next(4) ? 4 * next(4) : 4 * next(11);
	uint32_t index;

	for (index = 0; index < bytes; index++)
		at[index] = (uint8_t)(next(2) ? next(256) : next(12));
	if (bytes >= sizeof(good) && next(2))
		memcpy(at, good, sizeof(good));
	return bytes;
}

static uint32_t draw_flags(void)
{
	const uint32_t kind = next(12);

	if (kind == 0)
		return next(64);
	if (kind == 1)
		return ACK | 4;
	if (kind == 2)
		return ACK | 1;
	return kind < 5 ? SYN : ACK | 8;
}

static uint32_t draw(uint8_t *packet)
{
	const uint32_t number = next(CLIENTS);
	struct client *client = &clients[number];
	const uint32_t options = draw_options(packet + 40);
	const uint32_t payload = next(3) ? next(100) : next(1400 - options);
	const uint32_t bytes = 40 + options + payload;
	uint8_t *tcp = packet + 20;
	uint32_t index;

	memset(packet, 0, 40);
	packet[0] = 0x45;
	put16(packet + 2, next(50) ? bytes : next(bytes + 1));
	packet[8] = 64;
	packet[9] = 6;
	put32(packet + 12, CLIENT_ADDRESS);
	put32(packet + 16, ADDRESS);
	put16(tcp, 1000 + number);
	put16(tcp + 2, next(50) ? LISTENING_PORT : next(65536));
	put32(tcp + 4, client->sequence + (next(3) ? 0 : next(5000)));
	put32(tcp + 8, client->acknowledges - (next(3) ? 0 : next(5000)));
	tcp[12] = (uint8_t)((next(30) ? (20 + options) / 4 : next(16)) << 4);
	tcp[13] = (uint8_t)draw_flags();
	put16(tcp + 14, next(4) ? 65535 : next(65536));
	for (index = 40 + options; index < bytes; index++)
		packet[index] = (uint8_t)next(256);
	return bytes;
}

static void mark(int32_t slot)
{
	int32_t *words = shared.connections + slot * FERRULE_TCP_WORDS;

	if (words[FERRULE_TCP_DIRTY] != 0)
		return;
	words[FERRULE_TCP_DIRTY] = 1;
	shared.dirty[shared.dirty_count++] = slot;
}

/* The owner: sends as many bytes as came, reads some, sometimes closes. */
static void own(const int32_t *completion)
{
	const int32_t slot = completion[FERRULE_DPDK_COMPLETION_ID] & 0xfff;
	const int32_t bytes = completion[FERRULE_DPDK_COMPLETION_LENGTH];
	int32_t *words = shared.connections + slot * FERRULE_TCP_WORDS;
	int32_t *buffer = words + FERRULE_TCP_SEND_COMMITTED + words[FERRULE_TCP_SEND_FILL];

	kinds[completion[FERRULE_DPDK_COMPLETION_KIND]]++;
	if (completion[FERRULE_DPDK_COMPLETION_KIND] != FERRULE_DPDK_KIND_RECEIVED)
		return;
	if (bytes <= 0 || bytes > RECEIVE_BYTES || slot >= CONNECTIONS)
		abort();
	if (*buffer + bytes <= SEND_BYTES / 2) {
		*buffer += bytes;
		words[FERRULE_TCP_SEND_PENDING] += bytes;
	}
	words[FERRULE_TCP_RECEIVE_HEAD] += 1 + (int32_t)next((uint32_t)bytes);
	words[FERRULE_TCP_RECEIVE_WANTED] = 1;
	if (next(20) == 0) {
		words[FERRULE_TCP_OPEN_ID] = 0;
		words[FERRULE_TCP_CLOSE] = (int32_t)(1 + next(2));
	}
	mark(slot);
}

static void receive(uint8_t *packet)
{
	const uint32_t bytes = draw(packet);
	/* dpdk_net.c hands over what the IPv4 header says, never more than there is. */
	const uint32_t length = (uint32_t)packet[2] << 8 | packet[3];
	const uint32_t whole = length >= 40 && length <= bytes ? length : 40;
	uint8_t *frame = malloc(FERRULE_TCP_HEADROOM + whole);

	if (frame == NULL)
		abort();
	put16(packet + 2, whole);
	memcpy(frame + FERRULE_TCP_HEADROOM, packet, whole);
	frames_out++;
	streams_receive(frame, frame, frame + FERRULE_TCP_HEADROOM, whole);
}

static int check(void)
{
	if (frames_out != 0 || kinds[FERRULE_DPDK_KIND_ACCEPTED] < 100 ||
	    kinds[FERRULE_DPDK_KIND_RECEIVED] < 100 || kinds[FERRULE_DPDK_KIND_CLOSED] < 100) {
		fprintf(stderr, "%u frames are lost; accepted %u, received %u, closed %u\n",
			frames_out, kinds[1], kinds[2], kinds[3]);
		return 1;
	}
	printf("%d segments, %u answers, %u connections\n", ROUNDS, answers, kinds[1]);
	return 0;
}

int main(int count, char **arguments)
{
	uint8_t packet[1600];
	struct streams_settings settings = {
		.port = (struct port *)(uintptr_t)packet,
		.address = ADDRESS,
		.connections = CONNECTIONS,
		.out_of_order_max = 20,
		.shared = &shared,
		.receive_bytes = RECEIVE_BYTES,
		.send_bytes = SEND_BYTES,
		.linger_ms = 1000,
	};
	uint8_t *block = malloc(streams_bytes(&settings));
	int32_t round, index, done;

	settings.block = block;
	settings.bytes = block;
	state = count > 1 ? strtoull(arguments[1], NULL, 0) : 1;
	if (state == 0 || block == NULL || streams_open(&settings) != 0 ||
	    streams_listen(LISTENING_PORT) < 0)
		return 2;
	for (round = 0; round < ROUNDS; round++) {
		streams_before((uint32_t)round / 4);
		for (index = (int32_t)next(4); index >= 0; index--)
			receive(packet);
		done = streams_describe(0);
		for (index = 0; index < done; index++)
			own(shared.completions + index * FERRULE_DPDK_COMPLETION_WORDS);
	}
	streams_close_all();
	if (pools_used_pcbs() + pools_used_segments() != 0) {
		fprintf(stderr, "%u connections and %u segments are left\n", pools_used_pcbs(),
			pools_used_segments());
		return 1;
	}
	free(block);
	return check();
}
