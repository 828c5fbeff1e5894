// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The status page: listens to /live, writes what it hears into the page.
 *
 *   /live ─history, live, books─▶ show…() ─▶ text and charts
 *   /doctor ─on load, on demand─▶ findings
 */
import { drawBars, drawLines } from "./charts.js";

const HISTORY_S = 300;
const BOOKS_MAX = 4;
const BOOKS_FIRST = 2;
const LEVELS = 8;
const NUMBER = new Intl.NumberFormat("en");
const RATE = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const SERIES = ["orders", "trades", "rejects"];

const byId = (id) => document.getElementById(id);
let points = [];
let newest;
let paused = false;
let source;

// ------------------------------------------------------------- text

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

function latencyText(ns) {
  if (ns === 0) return "–";
  if (ns < 1e3) return `${ns} ns`;
  const [value, unit] = ns < 1e6
    ? [ns / 1e3, "µs"]
    : ns < 1e9
    ? [ns / 1e6, "ms"]
    : [ns / 1e9, "s"];
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${unit}`;
}

function bytesText(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; bytes >= 1024 && unit < units.length - 1; unit++) bytes /= 1024;
  return `${bytes.toFixed(unit === 0 || bytes >= 100 ? 0 : 1)} ${units[unit]}`;
}

function durationText(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86_400) {
    return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
  }
  return `${Math.floor(s / 86_400)} d ${Math.floor(s % 86_400 / 3600)} h`;
}

function timeText(ms) {
  const text = new Date(ms).toISOString();
  const today = new Date(newest?.nowMs ?? ms).toISOString().slice(0, 10);
  return text.startsWith(today)
    ? `${text.slice(11, 19)} UTC`
    : `${text.slice(0, 10)} ${text.slice(11, 19)} UTC`;
}

/** Rows of a table body; the cells that are there are used again. */
function fill(body, rows) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach(({ cells, data = {}, share }, i) => {
    let row = body.rows[i];
    if (row === undefined) {
      row = body.insertRow();
      for (const [, kind, name] of cells) {
        row.append(make(kind, {
          ...(kind === "th" ? { scope: "row" } : {}),
          ...(name === undefined ? {} : { class: name }),
        }));
      }
    }
    cells.forEach(([text], at) => say(row.cells[at], text));
    Object.assign(row.dataset, data);
    if (share !== undefined) row.style.setProperty("--share", `${share}%`);
  });
}

/** Names and values as a list of definitions. */
function fillPairs(list, pairs) {
  while (list.children.length > pairs.length) list.lastChild.remove();
  pairs.forEach(([name, value, level = ""], i) => {
    if (list.children[i] === undefined) {
      list.append(make("div", {}, make("dt"), make("dd")));
    }
    const pair = list.children[i];
    say(pair.firstChild, name);
    say(pair.lastChild, value);
    pair.dataset.level = level;
  });
}

// ------------------------------------------------------------- sections

function showState(live) {
  const { health } = live;
  const pair = health.replication;
  say(byId("name"), health.name);
  const title = `${health.status} – ${health.name}`;
  if (document.title !== title) document.title = title;
  if (byId("status").dataset.status === "recovering") chooseFirst();
  say(byId("status"), health.status);
  byId("status").dataset.status = health.status;
  byId("reason").hidden = health.reason === undefined;
  say(byId("reason"), health.reason ?? "");
  say(byId("since"), timeText(live.sinceMs));
  say(byId("role"), pair?.role ?? "no pair");
  byId("epoch").parentElement.hidden = pair === undefined;
  say(byId("epoch"), String(pair?.epoch ?? "–"));
  say(byId("uptime"), durationText(health.uptimeS));
  say(byId("version"), live.version);
}

function showTiles({ rates, totals, latency, journal, ordersOpen }) {
  for (const name of SERIES) {
    say(byId(`${name}-rate`), RATE.format(rates[name]));
    say(byId(`${name}-total`), NUMBER.format(totals[name]));
  }
  const p99 = latency.percentilesNs[latency.percents.indexOf(99)];
  say(byId("latency-p99"), latencyText(p99));
  say(byId("orders-open"), NUMBER.format(ordersOpen));
  say(byId("lag-tile"), NUMBER.format(journal.lag));
}

function showThroughput({ rates }) {
  const svg = byId("throughput");
  drawLines(svg, points, SERIES, HISTORY_S);
  svg.setAttribute(
    "aria-label",
    `Per second: ${RATE.format(rates.orders)} orders, ` +
      `${RATE.format(rates.trades)} trades, ` +
      `${RATE.format(rates.rejects)} rejects`,
  );
}

function showLatency({ latency }) {
  say(byId("latency-count"), NUMBER.format(latency.count));
  const cells = latency.percentilesNs.map((ns) => [latencyText(ns), "td"]);
  fill(byId("percentiles"), [{ cells }]);
  const { bars, boundsNs } = latency;
  const labels = [
    ...boundsNs.map((ns) => latencyText(ns).replace(/\.0+ /, " ")),
    "more",
  ];
  const used = bars.flatMap((count, i) => count > 0 ? [i] : []);
  const first = Math.min(...used, 3);
  const last = Math.max(...used, 12);
  const shown = bars.map((count, i) => ({ count, label: labels[i] }))
    .slice(first, last + 1);
  drawBars(byId("histogram"), shown);
  const median = latencyText(latency.percentilesNs[0]);
  byId("histogram").setAttribute(
    "aria-label",
    `Histogram of latency: ${latency.count} answers, median ${median}`,
  );
}

function showSessions({ sessions, nowMs }) {
  const { total, active, list } = sessions;
  const hidden = total - list.length;
  say(
    byId("sessions-note"),
    `${active} of ${total} logged on` +
      (hidden > 0 ? `; ${hidden} more are not listed` : ""),
  );
  fill(
    byId("sessions"),
    list.map((session) => ({
      data: { link: session.link },
      cells: [
        [`${session.protocol} ${session.name}`, "th"],
        [
          (session.link === "none" ? "–" : session.link) +
          (session.blockedBy.length > 0 ? ", blocked" : ""),
          "td",
        ],
        [NUMBER.format(session.inSequence), "td", "number"],
        [NUMBER.format(session.outSequence), "td", "number"],
        [
          session.heardMs === 0
            ? "–"
            : durationText((nowMs - session.heardMs) / 1000),
          "td",
          "number",
        ],
      ],
    })),
  );
}

function showJournal({ journal, health }) {
  const lag = journal.lag;
  fillPairs(byId("journal"), [
    ["Sequence", NUMBER.format(health.sequence)],
    ["Durable", NUMBER.format(Math.max(0, health.sequence - lag))],
    ["Lag", `${NUMBER.format(lag)} commands`],
    ["Durability", health.durability],
    [
      "Pressure",
      health.reason ?? "none",
      health.reason === undefined ? "" : "warning",
    ],
    ["Segment", journal.segment.replace(/^0+(?=\d)|\.journal$/g, "") || "–"],
    ["Segments", NUMBER.format(journal.segments)],
    ["Written in this run", bytesText(journal.bytes)],
    [
      "Free on its disk",
      journal.freeBytes === null ? "unknown" : bytesText(journal.freeBytes),
    ],
    [
      "Errors",
      NUMBER.format(journal.errors),
      journal.errors > 0 ? "error" : "",
    ],
    ...health.snapshot === undefined ? [] : [[
      "Keeper lag",
      `${NUMBER.format(health.snapshot.keeperLag)} commands`,
    ]],
  ]);
}

function showStandby({ health, replicationLag }) {
  const pair = health.replication;
  if (pair === undefined) {
    fillPairs(byId("standby"), [["Pair", "none is configured"]]);
    return;
  }
  const primary = pair.role === "primary";
  fillPairs(byId("standby"), [
    ["Role", pair.role],
    [
      primary ? "Standby" : "Primary",
      pair.connected ? "connected" : "not connected",
      pair.connected ? "" : "error",
    ],
    ["Lag", `${NUMBER.format(replicationLag)} commands`],
    [primary ? "Acknowledged" : "Received", NUMBER.format(pair.sequence)],
    [
      "Lease",
      pair.leaseMs === undefined || pair.leaseMs === null
        ? "none"
        : `${(pair.leaseMs / 1000).toFixed(1)} s left`,
    ],
    [
      "Acknowledges alone",
      pair.alone ? "yes" : "no",
      pair.alone ? "warning" : "",
    ],
    ["Group", String(pair.group)],
  ]);
}

// ------------------------------------------------------------- books

const chosen = () => new URLSearchParams(location.search).getAll("book");

function choose(symbols) {
  const query = new URLSearchParams(symbols.map((name) => ["book", name]));
  history.replaceState(null, "", symbols.length === 0 ? "/" : `/?${query}`);
  listen();
}

function bookElement(symbol) {
  const remove = make("button", {
    type: "button",
    "aria-label": `Hide the book of ${symbol}`,
  }, "×");
  remove.addEventListener("click", () => {
    choose(chosen().filter((name) => name !== symbol));
    byId("symbol").focus();
  });
  const side = (name, caption) => {
    const heads = [["Price", "price"], ["Quantity", ""], ["Orders", "orders"]]
      .map(([text, kind]) => make("th", { scope: "col", class: kind }, text));
    return make(
      "table",
      { class: name },
      make("caption", {}, caption),
      make(
        "thead",
        {},
        make("tr", {}, ...name === "bids" ? heads.reverse() : heads),
      ),
      make("tbody"),
    );
  };
  return make(
    "article",
    { class: "book", "data-symbol": symbol, "aria-label": `Book of ${symbol}` },
    make(
      "header",
      {},
      make("h3", {}, symbol),
      make("span", { class: "note state" }),
      make("span", { class: "note last" }),
      remove,
    ),
    make("div", { class: "sides" }, side("bids", "Bids"), side("asks", "Asks")),
  );
}

function showBook(element, book) {
  const { priceDecimals, quantityDecimals } = book;
  const price = (value) => value.toFixed(priceDecimals);
  const quantity = (value) =>
    value.toLocaleString("en", { maximumFractionDigits: quantityDecimals });
  say(element.querySelector(".state"), book.state);
  say(
    element.querySelector(".last"),
    book.trades === 0
      ? "no trade yet"
      : `last ${quantity(book.lastQuantity)} at ${price(book.lastPrice)}, ` +
        `${NUMBER.format(book.trades)} trades`,
  );
  const sides = [book.bids.slice(0, LEVELS), book.asks.slice(0, LEVELS)];
  const most = Math.max(...sides.flat().map((level) => level.quantity), 0);
  ["bids", "asks"].forEach((name, i) => {
    const rows = sides[i].map((level) => {
      const cells = [
        [price(level.price), "td", "price"],
        [quantity(level.quantity), "td"],
        [NUMBER.format(level.orders), "td", "orders"],
      ];
      return {
        share: Math.round(level.quantity / most * 100),
        cells: name === "bids" ? cells.reverse() : cells,
      };
    });
    fill(element.querySelector(`.${name} tbody`), rows);
  });
}

function showBooks(books) {
  const list = byId("books");
  const symbols = books.map(({ symbol }) => symbol);
  for (const element of [...list.children]) {
    if (!symbols.includes(element.dataset.symbol)) element.remove();
  }
  for (const book of books) {
    let element = [...list.children].find((child) =>
      child.dataset.symbol === book.symbol
    );
    if (element === undefined) {
      element = bookElement(book.symbol);
      list.append(element);
    }
    showBook(element, book);
  }
  byId("no-books").hidden = books.length > 0;
}

async function loadInstruments() {
  const instruments = await (await fetch("/instruments")).json();
  byId("symbols").replaceChildren(
    ...instruments.map(({ symbol }) => make("option", { value: symbol })),
  );
  return instruments.map(({ symbol }) => symbol);
}

byId("choose").addEventListener("submit", async (event) => {
  event.preventDefault();
  const symbol = byId("symbol").value.trim();
  const symbols = chosen();
  const known = await loadInstruments();
  const error = byId("choose-error");
  if (!known.includes(symbol)) {
    say(error, `There is no instrument ${symbol}.`);
  } else if (!symbols.includes(symbol) && symbols.length >= BOOKS_MAX) {
    say(error, `${BOOKS_MAX} books are shown at most: hide one first.`);
  } else {
    say(error, "");
    byId("symbol").value = "";
    choose([...new Set([...symbols, symbol])]);
  }
});

// ------------------------------------------------------------- host

function findingElement({ subject, severity, found, wanted, why, remedy }) {
  const item = make(
    "li",
    { "data-severity": severity },
    make("span", { class: "severity" }, severity),
    " ",
    make("strong", {}, subject),
    `: ${found}`,
  );
  if (severity !== "ok") {
    item.append(
      make("p", { class: "note" }, `Wanted: ${wanted}. Why: ${why}.`),
    );
    if (remedy !== "") {
      item.append(make("p", { class: "note" }, `Mend: ${remedy}`));
    }
  }
  return item;
}

async function showFindings() {
  const button = byId("examine");
  button.disabled = true;
  try {
    const { takenMs, findings, error } = await (await fetch("/doctor")).json();
    const order = ["error", "warning", "info", "ok"];
    const sorted = [...findings].sort((a, b) =>
      order.indexOf(a.severity) - order.indexOf(b.severity)
    );
    const fine = sorted.filter(({ severity }) => severity === "ok");
    const rest = sorted.filter(({ severity }) => severity !== "ok");
    say(
      byId("host-note"),
      error === ""
        ? `${fine.length} in order, ${rest.length} to look at. ` +
          `Examined ${timeText(takenMs)}, at most once a minute.`
        : `The doctor could not look: ${error}`,
    );
    byId("findings").replaceChildren(...rest.map(findingElement));
    const details = byId("findings-ok");
    details.hidden = fine.length === 0;
    details.lastElementChild.replaceChildren(...fine.map(findingElement));
  } catch (error) {
    say(byId("host-note"), `The doctor could not be asked: ${error.message}`);
  } finally {
    button.disabled = false;
  }
}

byId("examine").addEventListener("click", showFindings);

// ------------------------------------------------------------- live

function show(live) {
  newest = live;
  if (paused) return;
  showState(live);
  showTiles(live);
  showThroughput(live);
  showLatency(live);
  showSessions(live);
  showJournal(live);
  showStandby(live);
}

function listen() {
  source?.close();
  const query = new URLSearchParams(chosen().map((name) => ["book", name]));
  source = new EventSource(`/live?${query}`);
  const on = (name, act) =>
    source.addEventListener(name, (event) => act(JSON.parse(event.data)));
  on("history", (history) => {
    points = history;
  });
  on("live", (live) => {
    points.push(live.rates);
    if (points.length > HISTORY_S) points.shift();
    show(live);
  });
  on("books", (books) => {
    if (!paused) showBooks(books);
  });
  source.onopen = () => say(byId("link"), "Live, once a second.");
  source.onerror = () => {
    // The browser tries again by itself unless it was refused.
    const refused = source.readyState === EventSource.CLOSED;
    say(
      byId("link"),
      refused
        ? "Refused: as many pages are open as may be. Trying again in 10 s."
        : "The appliance can not be reached. Trying again.",
    );
    byId("status").dataset.status = "lost";
    say(byId("status"), refused ? "not live" : "unreachable");
    if (refused) setTimeout(listen, 10_000);
  };
}

byId("pause").addEventListener("click", () => {
  paused = !paused;
  const button = byId("pause");
  button.setAttribute("aria-pressed", String(paused));
  say(button, paused ? "Go on" : "Pause");
  if (!paused && newest !== undefined) show(newest);
});

addEventListener("resize", () => {
  if (newest !== undefined) show(newest);
});

/** Two books to begin with. While the appliance recovers there may be none yet. */
async function chooseFirst() {
  if (chosen().length > 0) return;
  const symbols = await loadInstruments();
  if (symbols.length > 0) choose(symbols.slice(0, BOOKS_FIRST));
}

await loadInstruments();
listen();
await chooseFirst();
showFindings();
