// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/*
 * Does the ledger notice? A good life of an order must leave no violation;
 * each case changes one thing and must leave at least one. A checker that
 * can't fail checks nothing.
 */
#include "order_ledger.h"

#include <cstdio>
#include <functional>

using namespace ferrule;

namespace {

int failures = 0;

Order limit_order()
{
	Order order{};
	order.symbol = "AAPL";
	order.side = '1';
	order.ord_type = '2';
	order.time_in_force = '0';
	order.price = 190 * DECIMAL_ONE;
	order.quantity = 100 * DECIMAL_ONE;
	order.cl_ord_id = "n1";
	return order;
}

Report report(const char* exec_id, const char* type, const char* status, const char* leaves, const char* cum)
{
	Report out;
	out.exec_id = exec_id;
	out.order_id = "1";
	out.cl_ord_id = "n1";
	out.exec_type = type;
	out.ord_status = status;
	out.symbol = "AAPL";
	out.side = "1";
	out.order_qty = "100";
	out.leaves = leaves;
	out.cum = cum;
	out.avg_px = "0";
	out.price = "190.00";
	out.possible_duplicate = false;
	return out;
}

Report fill(const char* exec_id, const char* status, const char* leaves, const char* cum, const char* last,
	    const char* average)
{
	Report out = report(exec_id, "F", status, leaves, cum);
	out.last_qty = last;
	out.last_px = average;
	out.avg_px = average;
	return out;
}

/* Accepted, filled in part, replaced, canceled. `change` may spoil step `i`. */
void live(OrderLedger& ledger, const std::function<void(int, Report&)>& change)
{
	const std::size_t order = ledger.begin_new(limit_order());
	Report steps[] = {
		report("e1", "0", "0", "100", "0"),
		fill("e2", "1", "70", "30", "30", "189.5"),
		report("e3", "5", "1", "170", "30"),
		report("e4", "4", "4", "0", "30"),
	};
	steps[2].cl_ord_id = "r1";
	steps[2].orig_cl_ord_id = "n1";
	steps[2].order_qty = steps[3].order_qty = "200";
	steps[2].price = steps[3].price = "191";
	steps[2].avg_px = steps[3].avg_px = "189.50";
	steps[3].cl_ord_id = "c1";
	steps[3].orig_cl_ord_id = "r1";
	for (int i = 0; i < 4; i++) {
		if (i == 2)
			ledger.begin_replace(order, "r1", 200 * DECIMAL_ONE, 191 * DECIMAL_ONE);
		if (i == 3)
			ledger.begin_cancel(order, "c1");
		change(i, steps[i]);
		if (!steps[i].exec_id.empty())
			ledger.on_report(steps[i]);
	}
	ledger.finish(false);
}

void expect(const char* name, bool good, const OrderLedger& ledger)
{
	if ((ledger.violation_count() == 0) == good)
		return;
	failures++;
	std::printf("FAILED: %s: %llu violations\n", name, static_cast<unsigned long long>(ledger.violation_count()));
	for (const std::string& text : ledger.violations())
		std::printf("  %s\n", text.c_str());
}

void spoiled(const char* name, int step, const std::function<void(Report&)>& spoil)
{
	OrderLedger ledger;
	live(ledger, [&](int i, Report& r) {
		if (i == step)
			spoil(r);
	});
	expect(name, false, ledger);
}

void test_reports()
{
	OrderLedger ledger;
	live(ledger, [](int, Report&) {});
	expect("a good life", true, ledger);
	spoiled("unknown ClOrdID", 0, [](Report& r) { r.cl_ord_id = "zz"; });
	spoiled("first report lost", 0, [](Report& r) { r.exec_id.clear(); });
	spoiled("fill lost", 1, [](Report& r) { r.exec_id.clear(); });
	spoiled("replace unanswered", 2, [](Report& r) { r.exec_id.clear(); });
	spoiled("cancel unanswered", 3, [](Report& r) { r.exec_id.clear(); });
	spoiled("ExecID twice", 1, [](Report& r) { r.exec_id = "e1"; });
	spoiled("ExecType unknown", 0, [](Report& r) { r.exec_type = "7"; });
	spoiled("OrdStatus of accept", 0, [](Report& r) { r.ord_status = "1"; });
	spoiled("OrdStatus of fill", 1, [](Report& r) { r.ord_status = "2"; });
	spoiled("LeavesQty", 1, [](Report& r) { r.leaves = "71"; });
	spoiled("CumQty", 1, [](Report& r) { r.cum = "31"; });
	spoiled("LastQty", 1, [](Report& r) { r.last_qty = "29"; });
	spoiled("LastQty zero", 1, [](Report& r) { r.last_qty = "0"; });
	spoiled("LastPx beyond the limit", 1, [](Report& r) { r.last_px = r.avg_px = "190.01"; });
	spoiled("filled beyond the quantity", 1, [](Report& r) {
		r.last_qty = r.cum = "101";
		r.leaves = "-1";
	});
	spoiled("AvgPx", 1, [](Report& r) { r.avg_px = "189.51"; });
	spoiled("AvgPx without a fill", 0, [](Report& r) { r.avg_px = "1"; });
	spoiled("number that does not read", 1, [](Report& r) { r.leaves = "7e1"; });
	spoiled("OrderID changes", 1, [](Report& r) { r.order_id = "2"; });
	spoiled("Symbol", 1, [](Report& r) { r.symbol = "MSFT"; });
	spoiled("Side", 1, [](Report& r) { r.side = "2"; });
	spoiled("OrderQty", 2, [](Report& r) { r.order_qty = "100"; });
	spoiled("Price", 2, [](Report& r) { r.price = "190"; });
	spoiled("OrigClOrdID of replace", 2, [](Report& r) { r.orig_cl_ord_id = "n0"; });
	spoiled("OrigClOrdID of cancel", 3, [](Report& r) { r.orig_cl_ord_id = "n1"; });
	spoiled("leaves after cancel", 3, [](Report& r) { r.leaves = "170"; });
	spoiled("fill by the old ClOrdID", 3, [](Report& r) {
		r = fill("e4", "1", "160", "40", "10", "189.5");
		r.order_qty = "200";
		r.price = "191";
	});
}

void test_repeats()
{
	const Report first = report("e1", "0", "0", "100", "0");
	for (const bool same : {true, false}) {
		OrderLedger ledger;
		ledger.begin_new(limit_order());
		ledger.on_report(first);
		Report again = first;
		again.possible_duplicate = true;
		again.content = same ? first.content : "other";
		ledger.on_report(again);
		expect(same ? "repeat with PossDup" : "repeat with another content", same, ledger);
	}
	OrderLedger late;
	live(late, [](int, Report&) {});
	Report fill_late = fill("e9", "1", "160", "40", "10", "189.5");
	fill_late.cl_ord_id = "r1";
	late.on_report(fill_late);
	expect("fill after the end", false, late);
}

void test_cancel_rejects()
{
	const struct {
		const char *name, *cl_ord_id, *orig, *status, *response, *reason;
		bool good;
	} cases[] = {
		{"cancel reject", "c1", "n1", "0", "1", "0", true},
		{"of an unknown request", "c2", "n1", "0", "1", "0", false},
		{"of a new order", "n1", "n1", "0", "1", "0", false},
		{"for the wrong request", "c1", "n1", "0", "2", "0", false},
		{"with the wrong status", "c1", "n1", "4", "1", "0", false},
		{"of the wrong order", "c1", "n0", "0", "1", "0", false},
		{"calling a working order unknown", "c1", "n1", "8", "1", "1", false},
	};
	for (const auto& c : cases) {
		OrderLedger ledger;
		const std::size_t order = ledger.begin_new(limit_order());
		ledger.on_report(report("e1", "0", "0", "100", "0"));
		ledger.begin_cancel(order, "c1");
		CancelReject reject;
		reject.order_id = "1";
		reject.cl_ord_id = c.cl_ord_id;
		reject.orig_cl_ord_id = c.orig;
		reject.ord_status = c.status;
		reject.response_to = c.response;
		reject.reason = c.reason;
		ledger.on_cancel_reject(reject);
		expect(c.name, c.good, ledger);
	}
}

void test_balance()
{
	OrderLedger ledger;
	ledger.begin_new(limit_order());
	ledger.on_report(report("e1", "0", "0", "100", "0"));
	ledger.on_report(fill("e2", "1", "70", "30", "30", "190"));
	ledger.finish(false);
	expect("bought from others", true, ledger);
	ledger.finish(true);
	expect("bought from nobody", false, ledger);
}

void test_decimals()
{
	const struct {
		const char* text;
		bool good;
		Decimal value;
	} cases[] = {
		{"0", true, 0},		    {"190.25", true, 19025000000},  {"0.00000001", true, 1},
		{"-1.5", true, -150000000}, {"00190", true, 19000000000},   {"5.", true, 500000000},
		{"0.000000001", false, 0},  {"", false, 0},		    {"-", false, 0},
		{".", false, 0},	    {"1.2.3", false, 0},	    {"1e5", false, 0},
		{" 1", false, 0},	    {"99999999999999", false, 0},   {"90071992547.40991", true, 9007199254740991000},
	};
	for (const auto& c : cases) {
		Decimal value = 0;
		const bool good = parse_decimal(c.text, value);
		if (good == c.good && (!good || value == c.value))
			continue;
		failures++;
		std::printf("FAILED: parse_decimal(\"%s\")\n", c.text);
	}
}

} // namespace

int main()
{
	test_reports();
	test_repeats();
	test_cancel_rejects();
	test_balance();
	test_decimals();
	std::printf("%d failures\n", failures);
	return failures == 0 ? 0 : 1;
}
