// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/*
 * What a careful client knows about its orders, and what it holds against the
 * venue: every report is checked against the state that the reports before it
 * left. Not thread-safe; the client guards it. Knows nothing of FIX sessions,
 * only the fields of execution reports and cancel rejects.
 */
#ifndef FERRULE_ORDER_LEDGER_H
#define FERRULE_ORDER_LEDGER_H

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace ferrule {

/* Decimal numbers are whole multiples of 1e-8, as exact as the wire. */
typedef std::int64_t Decimal;
const Decimal DECIMAL_ONE = 100000000;

/* False if `text` is not a plain decimal number with at most 8 places. */
bool parse_decimal(const std::string& text, Decimal& out);
std::string format_decimal(Decimal value);

enum class RequestKind { NEW, CANCEL, REPLACE };

struct Order {
	std::string symbol;
	char side;	/* '1' buy, '2' sell */
	char ord_type;	/* '1' market, '2' limit */
	char time_in_force;
	Decimal price;	/* 0 for a market order */
	Decimal quantity;
	std::string cl_ord_id;	/* the one it goes by now */
	std::string order_id;
	std::string pending;	/* ClOrdID of the cancel or replace under way */
	char status;		/* 'A' until the first report, then OrdStatus */
	Decimal cum;
	Decimal leaves;
	long double notional;	/* sum of LastPx x LastQty, in 1e-16 */
};

struct Request {
	RequestKind kind;
	std::size_t order;
	Decimal price;
	Decimal quantity;
	bool answered;
};

/* The fields of an ExecutionReport (35=8); absent ones are empty. */
struct Report {
	std::string exec_id, order_id, cl_ord_id, orig_cl_ord_id;
	std::string exec_type, ord_status, symbol, side;
	std::string order_qty, leaves, cum, last_qty, last_px, avg_px, price;
	std::string content;	/* the whole body, to compare repeats */
	bool possible_duplicate;
};

/* The fields of an OrderCancelReject (35=9). */
struct CancelReject {
	std::string order_id, cl_ord_id, orig_cl_ord_id;
	std::string ord_status, response_to, reason;
};

struct LedgerCounts {
	std::uint64_t reports = 0, fills = 0, canceled = 0, replaced = 0;
	std::uint64_t accepted = 0, rejected = 0, cancel_rejects = 0;
	std::uint64_t repeats = 0;
};

class OrderLedger {
public:
	/* Registers a request before it is sent. Return the order's index. */
	std::size_t begin_new(const Order& order);
	void begin_cancel(std::size_t order, const std::string& cl_ord_id);
	void begin_replace(std::size_t order, const std::string& cl_ord_id, Decimal quantity, Decimal price);

	/* Checks and applies what the venue said. */
	void on_report(const Report& report);
	void on_cancel_reject(const CancelReject& reject);

	/* Anything else that should not have happened. */
	void violation(const std::string& text);

	/* The checks that need everything to have arrived. */
	void finish(bool alone);

	bool is_open(std::size_t order) const;
	/* Acknowledged, working, and no cancel or replace under way. */
	bool is_free(std::size_t order) const;
	std::size_t open_count() const;
	std::size_t unanswered() const { return unanswered_; }
	const std::vector<Order>& orders() const { return orders_; }
	const LedgerCounts& counts() const { return counts_; }
	const std::vector<std::string>& violations() const { return violations_; }
	std::uint64_t violation_count() const { return violation_count_; }

private:
	struct Numbers {
		Decimal leaves, cum, last_qty, last_px, avg_px;
	};
	bool read_numbers(const Report& report, Numbers& out);
	bool is_repeat(const Report& report);
	void check_identity(const Report& report, Order& order);
	void check_average(const Report& report, const Order& order, Decimal average);
	void on_accepted(const Report& report, Request& request, Order& order);
	void on_rejected(const Report& report, Request& request, Order& order);
	void on_fill(const Report& report, const Numbers& numbers, Order& order);
	void on_ended(const Report& report, Request& request, Order& order);
	void on_replaced(const Report& report, Request& request, Order& order);
	void check_after(const Report& report, const Numbers& numbers, const Order& order);
	void answer(Request& request);

	std::vector<Order> orders_;
	std::unordered_map<std::string, Request> requests_;
	std::unordered_map<std::string, std::string> exec_ids_;
	std::unordered_map<std::string, std::size_t> order_ids_;
	std::vector<std::string> violations_;
	std::uint64_t violation_count_ = 0;
	std::size_t unanswered_ = 0;
	LedgerCounts counts_;
};

} // namespace ferrule

#endif
