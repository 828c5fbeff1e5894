/* Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT */

/*
 * TCP streams for one DPDK port, by lwIP's raw API in the loop that polls.
 *
 *   streams_before:   owner's wishes -> lwIP -> frames     acknowledgements, timers
 *   streams_receive:  frame -> lwIP -> callbacks: bytes into the window, flags
 *   streams_describe: flags -> completions
 *
 * lwIP calls back in the middle of its own work, so a callback only copies and
 * notes; connections are closed, reset and reported outside of it. A frame is
 * lwIP's pbuf itself until its bytes are in the window of the connection. What
 * is sent is not copied into lwIP: it points into the connection's two send
 * buffers, and a buffer is used again when all of it is acknowledged.
 */

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <lwip/init.h>
#include <lwip/ip4.h>
#include <lwip/netif.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/sys.h>
#include <lwip/tcp.h>
#include <lwip/timeouts.h>

#include "dpdk_tcp.h"

#define GENERATION_MAX ((1 << (31 - FERRULE_TCP_SLOT_BITS)) - 1)
#define CHUNK_BYTES_MAX 0xffff
#define CLOSE_RESET 2
/* A client whose host vanished is noticed: first question, interval, tries. */
#define KEEPALIVE_IDLE_MS 30000
#define KEEPALIVE_INTERVAL_MS 5000
#define KEEPALIVE_TRIES 4
#define COMPLETIONS_OF_A_CONNECTION 3

enum state { FREE, OPENED, FLUSHING, DRAINING, ENDED, REPORTED };

struct connection {
	struct tcp_pcb *pcb; /* NULL once lwIP has given it up */
	enum state state;
	int32_t generation;
	int32_t listener;
	uint32_t address; /* the client's */
	uint16_t port;
	int32_t result;
	int32_t shown; /* tail of the window that the owner has seen */
	int32_t written[2], acknowledged[2]; /* of each send buffer */
	uint32_t deadline_ms;
	bool fresh;	    /* ACCEPTED is to be reported */
	bool waiting;	    /* the owner wants to see more */
	bool end_of_stream; /* the client sends no more */
	bool noted;	    /* in the list of what is to be described */
	bool owes;	    /* in the list of acknowledgements */
};

struct frame_pbuf {
	struct pbuf_custom custom;
	void *frame;
};
_Static_assert(sizeof(struct frame_pbuf) <= FERRULE_TCP_HEADROOM, "a pbuf in a frame's headroom");

static struct streams_settings stack; /* port == NULL: nobody has it */
static struct netif netif;
static bool initialised;
static uint32_t now_ms, looked_ms;
static struct connection connections[FERRULE_DPDK_CONNECTIONS];
static struct tcp_pcb *listeners[FERRULE_DPDK_LISTENERS];
static int32_t free_slots[FERRULE_DPDK_CONNECTIONS], free_count;
static int32_t noted[FERRULE_DPDK_CONNECTIONS], noted_count;
static int32_t owing[FERRULE_DPDK_CONNECTIONS], owing_count;
static int32_t reported[FERRULE_DPDK_CONNECTIONS], reported_count;
static uint32_t closing_count;

uint16_t ferrule_tcp_out_of_order_max;
uint32_t ferrule_tcp_window_more, ferrule_tcp_send_more, ferrule_tcp_queue_more;

uint32_t ferrule_tcp_random(void)
{
	uint32_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		LWIP_PLATFORM_ASSERT("no random numbers");
	return number;
}

uint32_t sys_now(void)
{
	return now_ms;
}

static int32_t *words_of(int32_t slot)
{
	return stack.shared->connections + slot * FERRULE_TCP_WORDS;
}

static uint8_t *window_of(int32_t slot)
{
	return stack.block + (size_t)slot * (stack.receive_bytes + stack.send_bytes);
}

static int32_t slot_of(const struct connection *c)
{
	return (int32_t)(c - connections);
}

static void count_up(uint32_t counter, double by)
{
	stack.shared->counters[counter] += by;
}

/* Has the next streams_before() look at it; the owner marks in the same way. */
static void mark(int32_t slot)
{
	int32_t *words = words_of(slot);

	if (words[FERRULE_TCP_DIRTY] != 0)
		return;
	words[FERRULE_TCP_DIRTY] = 1;
	stack.shared->dirty[stack.shared->dirty_count++] = slot;
}

/* Has streams_describe() look at it. */
static void note(struct connection *c)
{
	if (c->noted)
		return;
	c->noted = true;
	noted[noted_count++] = slot_of(c);
}

/* -------------------------------------------------------------- frames */

static void free_frame(struct pbuf *p)
{
	streams_frame_free(((struct frame_pbuf *)(void *)p)->frame);
}

/*
 * True if the header and each of its options end within the packet: lwIP reads
 * the length of an option that is cut off, one byte beyond it.
 */
static bool options_hold(const uint8_t *tcp, uint32_t bytes)
{
	const uint32_t header = (uint32_t)(tcp[12] >> 4) * 4;
	uint32_t at = TCP_HLEN;

	if (header < TCP_HLEN || header > bytes)
		return false;
	while (at < header && tcp[at] != LWIP_TCP_OPT_EOL) {
		if (tcp[at] == LWIP_TCP_OPT_NOP) {
			at++;
			continue;
		}
		if (at + 1 >= header || tcp[at + 1] < 2 || at + tcp[at + 1] > header)
			return false;
		at += tcp[at + 1];
	}
	return true;
}

/*
 * A client that comes back from the same port while the end of its last
 * connection is still remembered begins anew (RFC 1122, 4.2.2.13); lwIP would
 * acknowledge the old one for two minutes.
 */
static void forget_waiting(const uint8_t *packet, const uint8_t *tcp)
{
	uint32_t address, sequence;
	uint16_t ports[2];
	struct tcp_pcb *pcb;

	memcpy(&address, packet + 12, sizeof(address));
	memcpy(ports, tcp, sizeof(ports));
	memcpy(&sequence, tcp + 4, sizeof(sequence));
	for (pcb = tcp_tw_pcbs; pcb != NULL; pcb = pcb->next) {
		if (ip4_addr_get_u32(&pcb->remote_ip) == address &&
		    pcb->remote_port == lwip_ntohs(ports[0]) &&
		    pcb->local_port == lwip_ntohs(ports[1]))
			break;
	}
	if (pcb != NULL && TCP_SEQ_GT(lwip_ntohl(sequence), pcb->rcv_nxt))
		tcp_abort(pcb);
}

void streams_receive(void *frame, void *headroom, uint8_t *packet, uint32_t bytes)
{
	struct frame_pbuf *wrapped = headroom;
	const uint8_t flags = packet[IP_HLEN + 13];
	struct pbuf *p;

	/* We call nobody: who begins a connection says nothing else. */
	if (!options_hold(packet + IP_HLEN, bytes - IP_HLEN) ||
	    ((flags & TCP_SYN) != 0 && (flags & (TCP_ACK | TCP_FIN | TCP_RST)) != 0)) {
		count_up(FERRULE_DPDK_TCP_MALFORMED, 1);
		streams_frame_free(frame);
		return;
	}
	if ((flags & TCP_SYN) != 0)
		forget_waiting(packet, packet + IP_HLEN);
	memset(wrapped, 0, sizeof(*wrapped));
	wrapped->custom.custom_free_function = free_frame;
	wrapped->frame = frame;
	p = pbuf_alloced_custom(PBUF_RAW, (u16_t)bytes, PBUF_REF, &wrapped->custom, packet,
				(u16_t)bytes);
	if (ip4_input(p, &netif) != ERR_OK)
		pbuf_free(p);
}

static err_t send_packet(struct netif *from, struct pbuf *p, const ip4_addr_t *to)
{
	uint8_t *packet;
	void *frame = streams_frame_new(stack.port, &packet);

	(void)from;
	if (frame == NULL)
		return ERR_MEM;
	pbuf_copy_partial(p, packet, p->tot_len, 0);
	streams_frame_send(stack.port, frame, lwip_ntohl(ip4_addr_get_u32(to)), p->tot_len);
	return ERR_OK;
}

static err_t start_netif(struct netif *started)
{
	started->name[0] = 'd';
	started->name[1] = 'p';
	started->mtu = 1500;
	started->output = send_packet;
	return ERR_OK;
}

/* ------------------------------------------------------------- sending */

static uint8_t *send_start(int32_t slot, int32_t which)
{
	return window_of(slot) + stack.receive_bytes + (uint32_t)which * (stack.send_bytes / 2);
}

/* Gives lwIP what it takes of one buffer; false if it does not take all. */
static bool write_buffer(struct connection *c, int32_t which)
{
	const int32_t slot = slot_of(c);
	const int32_t committed = words_of(slot)[FERRULE_TCP_SEND_COMMITTED + which];

	while (c->written[which] < committed) {
		int32_t bytes = committed - c->written[which];

		bytes = LWIP_MIN(bytes, (int32_t)tcp_sndbuf(c->pcb));
		bytes = LWIP_MIN(bytes, CHUNK_BYTES_MAX);
		if (bytes == 0 || tcp_write(c->pcb, send_start(slot, which) + c->written[which],
					    (u16_t)bytes, 0) != ERR_OK)
			return false;
		c->written[which] += bytes;
	}
	return true;
}

/* The buffer that is not being filled is the older one. */
static void pump(struct connection *c)
{
	const int32_t slot = slot_of(c);
	const int32_t fill = words_of(slot)[FERRULE_TCP_SEND_FILL];
	bool all;

	if (c->pcb == NULL)
		return;
	all = write_buffer(c, fill ^ 1) && write_buffer(c, fill);
	tcp_output(c->pcb);
	/* Without a segment under way nobody would call back. */
	if ((!all || c->pcb->unsent != NULL) && c->pcb->unacked == NULL)
		mark(slot);
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t bytes)
{
	struct connection *c = arg;
	const int32_t slot = slot_of(c);
	int32_t *words = words_of(slot);
	const int32_t fill = words[FERRULE_TCP_SEND_FILL];
	int32_t rest = bytes, turn;

	(void)pcb;
	words[FERRULE_TCP_SEND_PENDING] -= rest;
	for (turn = 1; turn >= 0; turn--) {
		const int32_t which = fill ^ turn;
		const int32_t taken = LWIP_MIN(rest, c->written[which] - c->acknowledged[which]);

		c->acknowledged[which] += taken;
		rest -= taken;
		if (c->acknowledged[which] == words[FERRULE_TCP_SEND_COMMITTED + which]) {
			words[FERRULE_TCP_SEND_COMMITTED + which] = 0;
			c->written[which] = 0;
			c->acknowledged[which] = 0;
		}
	}
	if (words[FERRULE_TCP_SEND_PENDING] > 0 || c->state != OPENED)
		mark(slot);
	return ERR_OK;
}

/* ----------------------------------------------------------- receiving */

static void give_back(struct tcp_pcb *pcb, int32_t bytes)
{
	while (bytes > 0) {
		const int32_t chunk = LWIP_MIN(bytes, CHUNK_BYTES_MAX);

		tcp_recved(pcb, (u16_t)chunk);
		bytes -= chunk;
	}
}

static err_t on_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct connection *c = arg;
	const int32_t slot = slot_of(c);
	int32_t *tail = words_of(slot) + FERRULE_TCP_RECEIVE_TAIL;

	(void)err;
	if (p == NULL) {
		c->end_of_stream = true;
		mark(slot);
		return ERR_OK;
	}
	if (!c->owes) {
		c->owes = true;
		owing[owing_count++] = slot;
	}
	if (c->state != OPENED) {
		tcp_recved(pcb, p->tot_len);
	} else {
		/* The window that the client knows of ends where the memory ends. */
		if (p->tot_len > (int32_t)stack.receive_bytes - *tail)
			return ERR_MEM;
		pbuf_copy_partial(p, window_of(slot) + *tail, p->tot_len, 0);
		*tail += p->tot_len;
		note(c);
	}
	pbuf_free(p);
	return ERR_OK;
}

/* What the owner has read makes room; the rest moves to the start. */
static void take_consumed(struct connection *c)
{
	const int32_t slot = slot_of(c);
	int32_t *words = words_of(slot);
	const int32_t head = words[FERRULE_TCP_RECEIVE_HEAD];
	const int32_t rest = words[FERRULE_TCP_RECEIVE_TAIL] - head;

	words[FERRULE_TCP_RECEIVE_WANTED] = 0;
	if (head > 0 && rest > 0)
		memmove(window_of(slot), window_of(slot) + head, (size_t)rest);
	words[FERRULE_TCP_RECEIVE_HEAD] = 0;
	words[FERRULE_TCP_RECEIVE_TAIL] = rest;
	c->shown -= head;
	c->waiting = true;
	note(c);
	if (c->pcb != NULL)
		give_back(c->pcb, head);
}

/* ------------------------------------------------------------- closing */

static void detach(struct tcp_pcb *pcb)
{
	tcp_arg(pcb, NULL);
	tcp_recv(pcb, NULL);
	tcp_sent(pcb, NULL);
	tcp_err(pcb, NULL);
}

static void end_connection(struct connection *c, bool reset)
{
	struct tcp_pcb *pcb = c->pcb;

	c->pcb = NULL;
	if (pcb != NULL) {
		detach(pcb);
		if (reset || tcp_close(pcb) != ERR_OK)
			tcp_abort(pcb);
	}
	if (c->state != OPENED)
		closing_count--;
	words_of(slot_of(c))[FERRULE_TCP_OPEN_ID] = 0;
	words_of(slot_of(c))[FERRULE_TCP_SEND_PENDING] = 0;
	c->state = ENDED;
	note(c);
}

/* Unread bytes would turn a close into a reset. */
static void discard(struct connection *c)
{
	int32_t *words = words_of(slot_of(c));

	give_back(c->pcb, words[FERRULE_TCP_RECEIVE_TAIL]);
	words[FERRULE_TCP_RECEIVE_HEAD] = 0;
	words[FERRULE_TCP_RECEIVE_TAIL] = 0;
	c->shown = 0;
}

static void begin_closing(struct connection *c)
{
	words_of(slot_of(c))[FERRULE_TCP_OPEN_ID] = 0;
	c->state = FLUSHING;
	c->deadline_ms = now_ms + stack.linger_ms;
	closing_count++;
	discard(c);
}

/* Send the rest, then FIN, then wait for the client's. */
static void advance_closing(struct connection *c)
{
	if (c->state == FLUSHING && words_of(slot_of(c))[FERRULE_TCP_SEND_PENDING] == 0) {
		if (c->end_of_stream) {
			end_connection(c, false);
		} else if (tcp_shutdown(c->pcb, 0, 1) == ERR_OK) {
			c->state = DRAINING;
		} else {
			mark(slot_of(c));
		}
	} else if (c->state == DRAINING && c->end_of_stream) {
		end_connection(c, false);
	}
}

static void tend(int32_t slot)
{
	struct connection *c = &connections[slot];
	int32_t *words = words_of(slot);
	const int32_t close = words[FERRULE_TCP_CLOSE];

	if (c->state == FREE || c->state >= ENDED)
		return;
	if (c->pcb == NULL || close == CLOSE_RESET) {
		end_connection(c, true);
		return;
	}
	if (c->state == OPENED && words[FERRULE_TCP_RECEIVE_WANTED] != 0)
		take_consumed(c);
	if (c->state == OPENED &&
	    (close != 0 || (c->end_of_stream && c->waiting &&
			    c->shown == words[FERRULE_TCP_RECEIVE_TAIL])))
		begin_closing(c);
	pump(c);
	if (c->pcb != NULL && c->state != OPENED)
		advance_closing(c);
}

static void on_error(void *arg, err_t err)
{
	struct connection *c = arg;

	/* lwIP has freed it already. */
	c->pcb = NULL;
	c->result = err == ERR_RST ? -ECONNRESET : err == ERR_CLSD ? 0 : -ETIMEDOUT;
	mark(slot_of(c));
}

static void expire_closing(void)
{
	uint32_t slot;

	for (slot = 0; slot < stack.connections; slot++) {
		struct connection *c = &connections[slot];

		if ((c->state == FLUSHING || c->state == DRAINING) &&
		    (int32_t)(now_ms - c->deadline_ms) >= 0) {
			count_up(FERRULE_DPDK_TCP_LINGER_EXPIRED, 1);
			end_connection(c, true);
		}
	}
}

/* ----------------------------------------------------------- accepting */

static void set_habits(struct tcp_pcb *pcb)
{
	tcp_nagle_disable(pcb);
	ip_set_option(pcb, SOF_KEEPALIVE);
	pcb->keep_idle = KEEPALIVE_IDLE_MS;
	pcb->keep_intvl = KEEPALIVE_INTERVAL_MS;
	pcb->keep_cnt = KEEPALIVE_TRIES;
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct connection *c;
	int32_t slot, id, *words;

	if (err != ERR_OK || pcb == NULL)
		return ERR_VAL;
	if (free_count == 0) {
		count_up(FERRULE_DPDK_TCP_REFUSED, 1);
		/* lwIP resets it. */
		return ERR_MEM;
	}
	slot = free_slots[--free_count];
	c = &connections[slot];
	words = words_of(slot);
	*c = (struct connection){ .pcb = pcb,
				  .state = OPENED,
				  .generation = c->generation % GENERATION_MAX + 1,
				  .listener = (int32_t)(intptr_t)arg,
				  .address = lwip_ntohl(ip4_addr_get_u32(&pcb->remote_ip)),
				  .port = pcb->remote_port,
				  .fresh = true,
				  .waiting = true,
				  .noted = c->noted,
				  .owes = c->owes };
	id = c->generation << FERRULE_TCP_SLOT_BITS | slot;
	words[FERRULE_TCP_OPEN_ID] = id;
	words[FERRULE_TCP_ID] = id;
	count_up(FERRULE_DPDK_TCP_OPEN, 1);
	set_habits(pcb);
	tcp_arg(pcb, c);
	tcp_recv(pcb, on_received);
	tcp_sent(pcb, on_sent);
	tcp_err(pcb, on_error);
	note(c);
	return ERR_OK;
}

int32_t streams_listen(uint32_t tcp_port)
{
	struct tcp_pcb *pcb, *listening = NULL;
	int32_t index, free_index = -1;
	err_t err;

	if (tcp_port == 0 || tcp_port > 65535)
		return ferrule_fail(EINVAL, "TCP port %u", tcp_port);
	for (index = FERRULE_DPDK_LISTENERS - 1; index >= 0; index--) {
		if (listeners[index] == NULL)
			free_index = index;
	}
	pcb = free_index < 0 ? NULL : tcp_new_ip_type(IPADDR_TYPE_V4);
	if (pcb == NULL)
		return ferrule_fail(EMFILE, "%d TCP ports are in use", FERRULE_DPDK_LISTENERS);
	ip_set_option(pcb, SOF_REUSEADDR);
	err = tcp_bind(pcb, &netif.ip_addr, (u16_t)tcp_port);
	if (err == ERR_OK)
		listening = tcp_listen_with_backlog_and_err(pcb, FERRULE_DPDK_BACKLOG, &err);
	if (listening == NULL) {
		tcp_abort(pcb);
		return ferrule_fail(err == ERR_USE ? EADDRINUSE : ENOMEM, "TCP port %u", tcp_port);
	}
	listeners[free_index] = listening;
	tcp_arg(listening, (void *)(intptr_t)(FERRULE_DPDK_LISTENERS + free_index));
	tcp_accept(listening, on_accept);
	return FERRULE_DPDK_LISTENERS + free_index;
}

int32_t streams_unlisten(int32_t listener)
{
	const int32_t index = listener - FERRULE_DPDK_LISTENERS;

	if (index < 0 || index >= FERRULE_DPDK_LISTENERS || listeners[index] == NULL)
		return ferrule_fail(EBADF, "TCP listener %d", listener);
	tcp_close(listeners[index]);
	listeners[index] = NULL;
	return 0;
}

/* ------------------------------------------------------------- polling */

static void release_reported(void)
{
	while (reported_count > 0) {
		const int32_t slot = reported[--reported_count];
		int32_t *words = words_of(slot);
		const int32_t dirty = words[FERRULE_TCP_DIRTY];

		memset(words, 0, FERRULE_TCP_WORDS * sizeof(*words));
		words[FERRULE_TCP_DIRTY] = dirty;
		connections[slot].state = FREE;
		free_slots[free_count++] = slot;
	}
}

/* Nothing that went out since has carried the acknowledgement: send it now. */
static void acknowledge(void)
{
	while (owing_count > 0) {
		struct connection *c = &connections[owing[--owing_count]];

		c->owes = false;
		if (c->pcb != NULL && (c->pcb->flags & TF_ACK_DELAY) != 0) {
			tcp_ack_now(c->pcb);
			tcp_output(c->pcb);
		}
	}
}

void streams_before(uint32_t now)
{
	struct ferrule_dpdk_shared *shared = stack.shared;
	int32_t count = shared->dirty_count, index;
	int32_t dirty[FERRULE_DPDK_CONNECTIONS];

	now_ms = now;
	release_reported();
	memcpy(dirty, shared->dirty, (size_t)count * sizeof(dirty[0]));
	shared->dirty_count = 0;
	for (index = 0; index < count; index++)
		words_of(dirty[index])[FERRULE_TCP_DIRTY] = 0;
	for (index = 0; index < count; index++)
		tend(dirty[index]);
	acknowledge();
	if (now == looked_ms)
		return;
	looked_ms = now;
	sys_check_timeouts();
	if (closing_count > 0)
		expire_closing();
}

static void describe(const struct connection *c, int32_t kind, int32_t *completion)
{
	const int32_t slot = slot_of(c);
	const int32_t *words = words_of(slot);

	memset(completion, 0, FERRULE_DPDK_COMPLETION_WORDS * sizeof(*completion));
	completion[FERRULE_DPDK_COMPLETION_KIND] = kind;
	completion[FERRULE_DPDK_COMPLETION_ID] = words[FERRULE_TCP_ID];
	if (kind == FERRULE_DPDK_KIND_ACCEPTED) {
		completion[FERRULE_DPDK_COMPLETION_LISTENER] = c->listener;
		completion[FERRULE_DPDK_COMPLETION_ADDRESS] = (int32_t)c->address;
		completion[FERRULE_DPDK_COMPLETION_PORT] = c->port;
	} else if (kind == FERRULE_DPDK_KIND_RECEIVED) {
		completion[FERRULE_DPDK_COMPLETION_OFFSET] =
			(int32_t)(window_of(slot) - stack.bytes) + words[FERRULE_TCP_RECEIVE_HEAD];
		completion[FERRULE_DPDK_COMPLETION_LENGTH] =
			words[FERRULE_TCP_RECEIVE_TAIL] - words[FERRULE_TCP_RECEIVE_HEAD];
	} else {
		completion[FERRULE_DPDK_COMPLETION_LENGTH] = c->result;
	}
}

static int32_t describe_connection(struct connection *c, int32_t count)
{
	const int32_t slot = slot_of(c);
	int32_t *completions = stack.shared->completions;

	c->noted = false;
	if (c->fresh) {
		c->fresh = false;
		describe(c, FERRULE_DPDK_KIND_ACCEPTED,
			 completions + count++ * FERRULE_DPDK_COMPLETION_WORDS);
	}
	if (c->state == OPENED && c->waiting &&
	    words_of(slot)[FERRULE_TCP_RECEIVE_TAIL] > c->shown) {
		c->waiting = false;
		c->shown = words_of(slot)[FERRULE_TCP_RECEIVE_TAIL];
		describe(c, FERRULE_DPDK_KIND_RECEIVED,
			 completions + count++ * FERRULE_DPDK_COMPLETION_WORDS);
	}
	if (c->state == ENDED) {
		c->state = REPORTED;
		reported[reported_count++] = slot;
		count_up(FERRULE_DPDK_TCP_OPEN, -1);
		describe(c, FERRULE_DPDK_KIND_CLOSED,
			 completions + count++ * FERRULE_DPDK_COMPLETION_WORDS);
	}
	return count;
}

int32_t streams_describe(int32_t count)
{
	int32_t index = 0, kept = 0;

	while (index < noted_count && count + COMPLETIONS_OF_A_CONNECTION <= FERRULE_DPDK_COMPLETIONS)
		count = describe_connection(&connections[noted[index++]], count);
	while (index < noted_count)
		noted[kept++] = noted[index++];
	noted_count = kept;
	return count;
}

/* ---------------------------------------------------- opening the stack */

/* lwIP reads them wherever its options name them; the same for all connections. */
static void set_sizes(const struct streams_settings *settings)
{
	ferrule_tcp_window_more = settings->receive_bytes - FERRULE_TCP_RECEIVE_BYTES_MIN;
	ferrule_tcp_send_more = settings->send_bytes - FERRULE_TCP_SEND_BYTES_MIN;
	ferrule_tcp_queue_more = queue_length(settings) - FERRULE_TCP_QUEUE_MIN;
	ferrule_tcp_out_of_order_max = (uint16_t)settings->out_of_order_max;
}

size_t streams_bytes(const struct streams_settings *settings)
{
	return (size_t)settings->connections * (settings->receive_bytes + settings->send_bytes) +
	       pools_bytes(settings);
}

void streams_in_use(double *result)
{
	const struct tcp_pcb *pcb;
	uint32_t waiting = 0;

	for (pcb = tcp_tw_pcbs; pcb != NULL; pcb = pcb->next)
		waiting++;
	result[FERRULE_DPDK_USED_PCBS] = pools_used_pcbs();
	result[FERRULE_DPDK_USED_WAITING] = waiting;
	result[FERRULE_DPDK_USED_SEGMENTS] = pools_used_segments();
}

int32_t streams_open(const struct streams_settings *settings)
{
	ip4_addr_t address, mask;
	int32_t slot;

	if (stack.port != NULL)
		return ferrule_fail(EBUSY, "another DPDK port of this process has TCP");
	stack = *settings;
	memset(connections, 0, sizeof(connections));
	noted_count = owing_count = reported_count = free_count = 0;
	closing_count = 0;
	for (slot = (int32_t)stack.connections - 1; slot >= 0; slot--)
		free_slots[free_count++] = slot;
	set_sizes(settings);
	pools_open(settings, stack.block + (size_t)stack.connections *
						   (stack.receive_bytes + stack.send_bytes));
	if (!initialised)
		lwip_init();
	else
		sys_restart_timeouts();
	initialised = true;
	/* Every host is reached through this one interface; dpdk_net.c finds the way. */
	ip4_addr_set_u32(&address, lwip_htonl(stack.address));
	ip4_addr_set_zero(&mask);
	netif_add(&netif, &address, &mask, IP4_ADDR_ANY4, NULL, start_netif, ip4_input);
	netif_set_default(&netif);
	netif_set_up(&netif);
	netif_set_link_up(&netif);
	return 0;
}

void streams_close_all(void)
{
	uint32_t slot;
	int32_t index;

	for (slot = 0; slot < stack.connections; slot++) {
		if (connections[slot].pcb != NULL) {
			detach(connections[slot].pcb);
			tcp_abort(connections[slot].pcb);
			connections[slot].pcb = NULL;
		}
	}
	for (index = 0; index < FERRULE_DPDK_LISTENERS; index++) {
		if (listeners[index] != NULL)
			tcp_close(listeners[index]);
		listeners[index] = NULL;
	}
	/* Those that only wait for the client's last word. */
	while (tcp_active_pcbs != NULL)
		tcp_abort(tcp_active_pcbs);
	while (tcp_tw_pcbs != NULL)
		tcp_abort(tcp_tw_pcbs);
	netif_remove(&netif);
	memset(&stack, 0, sizeof(stack));
}
