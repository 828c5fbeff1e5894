// Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT

/**
 * The page's two charts, drawn as SVG: lines over the last minutes, and a
 * histogram. Colours come from the style sheet.
 */

const SVG = "http://www.w3.org/2000/svg";
const NUMBER = new Intl.NumberFormat("en", {
  notation: "compact",
  maximumFractionDigits: 1,
});

function add(parent, name, attributes, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, String(value));
  }
  if (text !== "") element.textContent = text;
  parent.append(element);
  return element;
}

/** 1, 2 or 5 times a power of ten, at least the value. */
export function niceMax(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  const digit = [1, 2, 5, 10].find((step) => step * power >= value);
  return Math.max(digit * power, 4);
}

function frame(svg) {
  const { width, height } = svg.getBoundingClientRect();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren();
  return { width, height };
}

/**
 * Lines, newest point at the right.
 *
 * @param svg Where to draw.
 * @param points Oldest first.
 * @param names Of a point's values, also the classes of their lines.
 * @param room Points that fill the width.
 */
export function drawLines(svg, points, names, room) {
  const { width, height } = frame(svg);
  if (width === 0) return;
  const [left, top, bottom] = [40, 8, height - 20];
  const max = niceMax(
    Math.max(...points.flatMap((point) => names.map((name) => point[name])), 0),
  );
  for (let step = 0; step <= 2; step++) {
    const y = bottom - (bottom - top) * step / 2;
    add(svg, "line", { class: "grid", x1: left, x2: width, y1: y, y2: y });
    const label = NUMBER.format(max * step / 2);
    add(svg, "text", { x: left - 6, y: y + 4, "text-anchor": "end" }, label);
  }
  const xOf = (age) => width - (width - left) * age / room;
  for (let age = 0; age < room; age += 60) {
    const text = age === 0 ? "now" : `-${age / 60} min`;
    const x = Math.max(xOf(age), left);
    const anchor = age === 0 ? "end" : "middle";
    add(svg, "text", { x, y: height - 4, "text-anchor": anchor }, text);
  }
  for (const name of names) {
    const path = points.map((point, i) => {
      const x = xOf(points.length - 1 - i);
      const y = bottom - (bottom - top) * Math.min(point[name] / max, 1);
      return `${i === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    }).join("");
    if (path !== "") add(svg, "path", { class: name, d: path });
  }
}

/**
 * Bars of equal width.
 *
 * @param svg Where to draw.
 * @param bars Count and label of each.
 */
export function drawBars(svg, bars) {
  const { width, height } = frame(svg);
  if (width === 0 || bars.length === 0) return;
  const [top, bottom] = [16, height - 20];
  const max = Math.max(...bars.map(({ count }) => count), 1);
  const step = width / bars.length;
  const every = Math.ceil(44 / step);
  add(svg, "line", { class: "grid", x1: 0, x2: width, y1: bottom, y2: bottom });
  bars.forEach(({ count, label }, i) => {
    // A bar that is there can be seen.
    const share = count / max;
    const tall = count === 0 ? 0 : Math.max(share * (bottom - top), 2);
    const x = i * step + 1;
    const bar = add(svg, "rect", {
      x,
      y: bottom - tall,
      width: Math.max(step - 2, 1),
      height: tall,
      rx: Math.min(3, tall / 2),
    });
    add(bar, "title", {}, `up to ${label}: ${count}`);
    if (i % every === 0) {
      add(
        svg,
        "text",
        { x: x + step / 2, y: height - 4, "text-anchor": "middle" },
        label,
      );
    }
    if (share === 1) {
      add(
        svg,
        "text",
        { x: x + step / 2, y: top - 5, "text-anchor": "middle" },
        NUMBER.format(count),
      );
    }
  });
}
