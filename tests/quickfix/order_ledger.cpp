// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/*
 * The checks of a careful client, one function for each kind of report. The
 * numbers are exact: decimals are read as whole multiples of 1e-8.
 */
#include "order_ledger.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace ferrule {

namespace {

const std::size_t VIOLATIONS_KEPT_MAX = 100;

bool is_done(char status)
{
	return status == '2' || status == '4' || status == '8' || status == 'C';
}

/* An average may be sent with more places than a price has. */
std::string eight_places(const std::string& text)
{
	const std::size_t dot = text.find('.');
	return dot == std::string::npos ? text : text.substr(0, dot + 9);
}

std::string name(const Report& report)
{
	return "report " + report.exec_id + " of " + report.cl_ord_id + " (150=" + report.exec_type +
	       ", 39=" + report.ord_status + ")";
}

} // namespace

bool parse_decimal(const std::string& text, Decimal& out)
{
	std::size_t i = 0;
	const bool negative = !text.empty() && text[0] == '-';
	if (negative)
		i = 1;
	Decimal value = 0;
	int places = -1;
	std::size_t digits = 0;
	for (; i < text.size(); i++) {
		const char c = text[i];
		if (c == '.') {
			if (places >= 0)
				return false;
			places = 0;
			continue;
		}
		if (c < '0' || c > '9' || digits >= 18 || places >= 8)
			return false;
		value = value * 10 + (c - '0');
		digits += value != 0;
		if (places >= 0)
			places++;
	}
	if (text.size() == (negative ? 1u : 0u) || text == "." || text == "-.")
		return false;
	for (int place = places < 0 ? 0 : places; place < 8; place++) {
		if (value > INT64_MAX / 10)
			return false;
		value *= 10;
	}
	out = negative ? -value : value;
	return true;
}

std::string format_decimal(Decimal value)
{
	if (value < 0)
		return "-" + format_decimal(-value);
	std::string fraction = std::to_string(value % DECIMAL_ONE + DECIMAL_ONE).substr(1);
	while (!fraction.empty() && fraction.back() == '0')
		fraction.pop_back();
	const std::string whole = std::to_string(value / DECIMAL_ONE);
	return fraction.empty() ? whole : whole + "." + fraction;
}

std::size_t OrderLedger::begin_new(const Order& order)
{
	orders_.push_back(order);
	Order& added = orders_.back();
	added.status = 'A';
	added.cum = 0;
	added.leaves = added.quantity;
	added.notional = 0;
	const std::size_t index = orders_.size() - 1;
	requests_[order.cl_ord_id] = Request{RequestKind::NEW, index, order.price, order.quantity, false};
	unanswered_++;
	return index;
}

void OrderLedger::begin_cancel(std::size_t order, const std::string& cl_ord_id)
{
	orders_[order].pending = cl_ord_id;
	requests_[cl_ord_id] = Request{RequestKind::CANCEL, order, 0, 0, false};
	unanswered_++;
}

void OrderLedger::begin_replace(std::size_t order, const std::string& cl_ord_id, Decimal quantity, Decimal price)
{
	orders_[order].pending = cl_ord_id;
	requests_[cl_ord_id] = Request{RequestKind::REPLACE, order, price, quantity, false};
	unanswered_++;
}

void OrderLedger::violation(const std::string& text)
{
	violation_count_++;
	if (violations_.size() < VIOLATIONS_KEPT_MAX)
		violations_.push_back(text);
}

bool OrderLedger::is_open(std::size_t order) const
{
	return !is_done(orders_[order].status);
}

bool OrderLedger::is_free(std::size_t order) const
{
	const Order& o = orders_[order];
	return o.status != 'A' && !is_done(o.status) && o.pending.empty();
}

std::size_t OrderLedger::open_count() const
{
	std::size_t count = 0;
	for (const Order& order : orders_)
		count += !is_done(order.status);
	return count;
}

void OrderLedger::answer(Request& request)
{
	if (request.answered)
		return;
	request.answered = true;
	unanswered_--;
	if (request.kind != RequestKind::NEW)
		orders_[request.order].pending.clear();
}

bool OrderLedger::is_repeat(const Report& report)
{
	const auto known = exec_ids_.find(report.exec_id);
	if (known == exec_ids_.end()) {
		exec_ids_[report.exec_id] = report.content;
		return false;
	}
	counts_.repeats++;
	if (!report.possible_duplicate)
		violation(name(report) + ": ExecID came before and PossDupFlag is not set");
	else if (known->second != report.content)
		violation(name(report) + ": repeated with another content: " + report.content + " after " + known->second);
	return true;
}

bool OrderLedger::read_numbers(const Report& report, Numbers& out)
{
	const bool trade = report.exec_type == "F";
	out = Numbers{0, 0, 0, 0, 0};
	if (parse_decimal(report.leaves, out.leaves) && parse_decimal(report.cum, out.cum) &&
	    parse_decimal(eight_places(report.avg_px), out.avg_px) &&
	    (!trade || (parse_decimal(report.last_qty, out.last_qty) && parse_decimal(report.last_px, out.last_px))))
		return true;
	violation(name(report) + ": a number does not read: LeavesQty '" + report.leaves + "' CumQty '" + report.cum +
		  "' AvgPx '" + report.avg_px + "' LastQty '" + report.last_qty + "' LastPx '" + report.last_px + "'");
	return false;
}

void OrderLedger::check_identity(const Report& report, Order& order)
{
	if (report.symbol != order.symbol)
		violation(name(report) + ": Symbol is " + report.symbol + ", expected " + order.symbol);
	if (report.side != std::string(1, order.side))
		violation(name(report) + ": Side is " + report.side + ", expected " + order.side);
	if (report.exec_type == "8" && (report.order_id == "NONE" || report.order_id == "0"))
		return;
	if (order.order_id.empty()) {
		order.order_id = report.order_id;
		const std::size_t index = static_cast<std::size_t>(&order - orders_.data());
		const auto inserted = order_ids_.insert(std::make_pair(report.order_id, index));
		if (!inserted.second)
			violation(name(report) + ": OrderID " + report.order_id + " belongs to another order");
	} else if (order.order_id != report.order_id) {
		violation(name(report) + ": OrderID is " + report.order_id + ", expected " + order.order_id);
	}
}

void OrderLedger::on_accepted(const Report& report, Request& request, Order& order)
{
	counts_.accepted++;
	if (request.kind != RequestKind::NEW || order.status != 'A') {
		violation(name(report) + ": accepts an order that is known already");
		return;
	}
	order.status = '0';
	answer(request);
	if (report.ord_status != "0")
		violation(name(report) + ": an accepted order has OrdStatus 0");
}

void OrderLedger::on_rejected(const Report& report, Request& request, Order& order)
{
	counts_.rejected++;
	if (request.kind != RequestKind::NEW || order.status != 'A') {
		violation(name(report) + ": rejects an order that was accepted");
		return;
	}
	order.status = '8';
	order.leaves = 0;
	answer(request);
}

void OrderLedger::on_fill(const Report& report, const Numbers& numbers, Order& order)
{
	counts_.fills++;
	if (order.status == 'A')
		violation(name(report) + ": a fill before the order was accepted");
	if (is_done(order.status))
		violation(name(report) + ": a fill after the order had ended");
	if (numbers.last_qty <= 0 || numbers.last_px <= 0)
		violation(name(report) + ": LastQty and LastPx must be above zero");
	const bool limit = order.ord_type == '2';
	if (limit && (order.side == '1' ? numbers.last_px > order.price : numbers.last_px < order.price))
		violation(name(report) + ": LastPx " + report.last_px + " is worse than the limit " +
			  format_decimal(order.price));
	order.cum += numbers.last_qty;
	order.notional += static_cast<long double>(numbers.last_px) * static_cast<long double>(numbers.last_qty);
	order.leaves = order.quantity - order.cum;
	if (order.leaves < 0)
		violation(name(report) + ": filled beyond the quantity: " + format_decimal(order.cum) + " of " +
			  format_decimal(order.quantity));
	order.status = order.leaves > 0 ? '1' : '2';
}

void OrderLedger::on_ended(const Report& report, Request& request, Order& order)
{
	counts_.canceled++;
	if (order.status == 'A' || is_done(order.status))
		violation(name(report) + ": ends an order that is not working");
	if (request.kind == RequestKind::CANCEL) {
		if (report.orig_cl_ord_id != order.cl_ord_id)
			violation(name(report) + ": OrigClOrdID is " + report.orig_cl_ord_id + ", expected " + order.cl_ord_id);
		if (request.answered)
			violation(name(report) + ": a second answer to a cancel");
		answer(request);
	} else if (report.cl_ord_id != order.cl_ord_id) {
		violation(name(report) + ": ClOrdID is not the order's, which is " + order.cl_ord_id);
	}
	order.status = report.exec_type[0];
	order.leaves = 0;
}

void OrderLedger::on_replaced(const Report& report, Request& request, Order& order)
{
	counts_.replaced++;
	if (request.kind != RequestKind::REPLACE || request.answered) {
		violation(name(report) + ": nobody asked for this replace, or it was answered before");
		return;
	}
	if (is_done(order.status))
		violation(name(report) + ": replaces an order that has ended");
	if (report.orig_cl_ord_id != order.cl_ord_id)
		violation(name(report) + ": OrigClOrdID is " + report.orig_cl_ord_id + ", expected " + order.cl_ord_id);
	order.cl_ord_id = report.cl_ord_id;
	order.quantity = request.quantity;
	order.price = request.price;
	order.leaves = order.quantity - order.cum;
	if (order.leaves <= 0)
		violation(name(report) + ": replaced to a quantity that is filled already");
	order.status = order.cum > 0 ? '1' : '0';
	answer(request);
}

void OrderLedger::check_average(const Report& report, const Order& order, Decimal average)
{
	if (order.cum == 0) {
		if (average != 0)
			violation(name(report) + ": AvgPx is " + report.avg_px + " without a fill");
		return;
	}
	const long double expected = order.notional / static_cast<long double>(order.cum);
	/* Half a unit in the last place that was sent (zeros at the end may be left out), and one of 1e-8. */
	const std::size_t dot = report.avg_px.find('.');
	std::size_t places = dot == std::string::npos ? 0 : report.avg_px.size() - dot - 1;
	places = std::min<std::size_t>(std::max<std::size_t>(places, 4), 8);
	const double tolerance = 1 + 0.5 * std::pow(10.0, static_cast<double>(8 - places));
	const long double difference = expected - static_cast<long double>(average);
	if (std::fabs(static_cast<double>(difference)) > tolerance)
		violation(name(report) + ": AvgPx is " + report.avg_px + ", expected " +
			  std::to_string(static_cast<double>(expected) / DECIMAL_ONE));
}

void OrderLedger::check_after(const Report& report, const Numbers& numbers, const Order& order)
{
	if (numbers.cum != order.cum)
		violation(name(report) + ": CumQty is " + report.cum + ", expected " + format_decimal(order.cum));
	if (numbers.leaves != order.leaves)
		violation(name(report) + ": LeavesQty is " + report.leaves + ", expected " + format_decimal(order.leaves));
	if (!is_done(order.status) && numbers.leaves + numbers.cum != order.quantity)
		violation(name(report) + ": LeavesQty + CumQty is not the quantity " + format_decimal(order.quantity));
	if (report.ord_status != std::string(1, order.status))
		violation(name(report) + ": OrdStatus is " + report.ord_status + ", expected " + order.status);
	Decimal quantity = 0;
	if (!report.order_qty.empty() && (!parse_decimal(report.order_qty, quantity) || quantity != order.quantity))
		violation(name(report) + ": OrderQty is " + report.order_qty + ", expected " +
			  format_decimal(order.quantity));
	Decimal price = 0;
	if (!report.price.empty() && order.ord_type == '2' &&
	    (!parse_decimal(report.price, price) || price != order.price))
		violation(name(report) + ": Price is " + report.price + ", expected " + format_decimal(order.price));
	check_average(report, order, numbers.avg_px);
}

void OrderLedger::on_report(const Report& report)
{
	counts_.reports++;
	if (report.exec_type != "I" && is_repeat(report))
		return;
	const auto found = requests_.find(report.cl_ord_id);
	if (found == requests_.end()) {
		violation(name(report) + ": ClOrdID was never sent");
		return;
	}
	Request& request = found->second;
	Order& order = orders_[request.order];
	Numbers numbers;
	check_identity(report, order);
	if (!read_numbers(report, numbers))
		return;
	const char type = report.exec_type.size() == 1 ? report.exec_type[0] : '?';
	const bool names_order = report.cl_ord_id == order.cl_ord_id;
	if ((type == 'F' || type == 'I') && !names_order)
		violation(name(report) + ": ClOrdID is not the order's, which is " + order.cl_ord_id);
	switch (type) {
	case '0': on_accepted(report, request, order); break;
	case '8': on_rejected(report, request, order); break;
	case 'F': on_fill(report, numbers, order); break;
	case '4':
	case 'C': on_ended(report, request, order); break;
	case '5': on_replaced(report, request, order); break;
	case 'I': break;
	default: violation(name(report) + ": ExecType is not one of 0 4 5 8 C F I"); return;
	}
	check_after(report, numbers, order);
}

void OrderLedger::on_cancel_reject(const CancelReject& reject)
{
	counts_.cancel_rejects++;
	const std::string text = "cancel reject of " + reject.cl_ord_id;
	const auto found = requests_.find(reject.cl_ord_id);
	if (found == requests_.end() || found->second.kind == RequestKind::NEW) {
		violation(text + ": ClOrdID is of no cancel or replace");
		return;
	}
	Request& request = found->second;
	if (request.answered) {
		violation(text + ": a second answer");
		return;
	}
	Order& order = orders_[request.order];
	const std::string response = request.kind == RequestKind::CANCEL ? "1" : "2";
	if (reject.response_to != response)
		violation(text + ": CxlRejResponseTo is " + reject.response_to + ", expected " + response);
	const bool unknown = reject.reason == "1";
	if (unknown && is_open(request.order))
		violation(text + ": the order is called unknown but works");
	if (!unknown && reject.ord_status != std::string(1, order.status))
		violation(text + ": OrdStatus is " + reject.ord_status + ", expected " + order.status);
	if (reject.orig_cl_ord_id != order.cl_ord_id)
		violation(text + ": OrigClOrdID is " + reject.orig_cl_ord_id + ", expected " + order.cl_ord_id);
	answer(request);
}

void OrderLedger::finish(bool alone)
{
	std::map<std::string, Decimal> balance;
	for (const Order& order : orders_) {
		balance[order.symbol] += order.side == '1' ? order.cum : -order.cum;
		if (order.status == 'A')
			violation("order " + order.cl_ord_id + " never got its first report");
	}
	for (const auto& entry : requests_) {
		if (!entry.second.answered && entry.second.kind != RequestKind::NEW)
			violation("request " + entry.first + " was never answered");
	}
	if (!alone)
		return;
	for (const auto& entry : balance) {
		if (entry.second != 0)
			violation("of " + entry.first + ", bought and sold differ by " + format_decimal(entry.second) +
				  " although nobody else trades");
	}
}

} // namespace ferrule
