// Learning curves: reads the JSON beside each chart and draws it. Hover, touch or arrow keys show the
// values at a position; the names above a chart show and hide its curves.
(() => {
  "use strict";
  const NS = "http://www.w3.org/2000/svg";
  const DASHES = ["", "7 4", "2 3", "7 3 2 3"];
  const N_COLORS = 7;
  const MARGIN = { top: 12, right: 14, bottom: 26, left: 46 };
  const PAGE_WIDTH = 640;

  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const shape = (name, attributes = {}, ...children) => {
    const made = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };

  const grouped = (text) => text.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
  const number = (value) => {
    if (Number.isInteger(value)) return grouped(String(value));
    const size = Math.abs(value);
    return size >= 1e-3 && size < 100 ? value.toFixed(3) : String(Number(value.toPrecision(4)));
  };

  // About `count` round positions that span low to high, at least `least` apart.
  const ticks = (low, high, count, least = 0) => {
    const raw = Math.max((high - low) / count, least) || 1;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = power * [1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999);
    const places = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const found = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k += 1) {
      found.push({ value: k * step, label: grouped((k * step).toFixed(places)) });
    }
    return found;
  };

  // The same on a logarithmic axis: powers of ten, with 2 and 5 between them where there is room.
  const decades = (low, high) => {
    const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
    const stride = Math.max(1, Math.ceil((last - first) / 6));
    const factors = last - first > 2 ? [1] : [1, 2, 5];
    const found = [];
    for (let power = first; power <= last; power += stride) {
      for (const factor of factors) {
        const value = factor * 10 ** power;
        if (value >= low && value <= high) found.push({ value, label: plain(value) });
      }
    }
    return found.length > 1 ? found : ticks(low, high, 4);
  };
  const plain = (value) =>
    value >= 1e5 || value < 1e-3 ? value.toExponential(0) : grouped(String(Number(value.toPrecision(1))));

  const nearest = (sorted, target) => {
    let low = 0;
    let high = sorted.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (sorted[middle] <= target) low = middle;
      else high = middle;
    }
    return Math.abs(sorted[low] - target) <= Math.abs(sorted[high] - target) ? low : high;
  };

  const ends = (values) => [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  const apart = ([low, high]) => (low === high ? [low - 0.5, high + 0.5] : [low, high]);

  const domains = ({ series, references, log }) => {
    const steps = series.flatMap((one) => one.x);
    let [left, right] = apart(ends(steps));
    // One point alone stands in the middle of an axis from 0, whose ticks are then whole steps.
    if (steps[0] > 0 && steps.every((step) => step === steps[0])) [left, right] = [0, 2 * steps[0]];
    if (left > 0 && left < 0.25 * right) left = 0;
    const heights = series.flatMap((one) => [...one.mean, ...(one.low ?? []), ...(one.high ?? [])]);
    const found = ends([...heights, ...references.map((one) => one.value)]);
    if (log) return { x: [left, right], y: [found[0] / 1.15, found[1] * 1.15] };
    if (found[0] >= 0 && found[1] <= 1) return { x: [left, right], y: [0, 1] };
    const [low, high] = apart(found);
    const pad = 0.05 * (high - low);
    return { x: [left, right], y: [low >= 0 && low < 0.4 * high ? 0 : low - pad, high + pad] };
  };

  class Chart {
    constructor(root) {
      this.data = JSON.parse(root.querySelector("script").textContent);
      this.domain = domains(this.data);
      this.hidden = new Set();
      this.at = null;
      this.legend = element("div", { class: "legend", role: "group", "aria-label": "Curves" });
      this.tip = element("div", { class: "tip", hidden: "" });
      this.plot = element("div", {
        class: "plot",
        tabindex: "0",
        role: "slider",
        "aria-label": `${this.data.title}. Arrow keys move along the axis.`,
        "aria-valuetext": "no position chosen",
        "aria-valuemin": String(this.domain.x[0]),
        "aria-valuemax": String(this.domain.x[1]),
        "aria-valuenow": String(this.domain.x[0]),
      });
      // On paper there are two charts beside each other, or one alone.
      const alone = root.closest(".charts").children.length === 1;
      this.printWidth = alone ? PAGE_WIDTH : PAGE_WIDTH / 2;
      this.data.series.forEach((series, index) => this.legend.append(this.button(series, index)));
      root.append(this.legend, this.plot);
      this.listen();
      this.draw();
      new ResizeObserver(() => {
        if (this.plot.clientWidth !== this.width) this.draw();
      }).observe(this.plot);
    }

    button(series, index) {
      const swatch = shape("svg", { viewBox: "0 0 22 8", width: 22, height: 8, "aria-hidden": "true" });
      swatch.append(shape("path", { d: "M1 4H21", class: "line", "stroke-dasharray": this.dash(series) }));
      const made = element(
        "button",
        { type: "button", class: `s${series.color % N_COLORS}`, "aria-pressed": "true" },
        swatch,
        element("span", {}, series.name),
      );
      made.addEventListener("click", () => {
        const shown = this.hidden.delete(index);
        if (!shown) this.hidden.add(index);
        made.setAttribute("aria-pressed", String(shown));
        this.draw();
      });
      return made;
    }

    dash(series) {
      return DASHES[Math.floor(series.color / N_COLORS) % DASHES.length];
    }

    get shown() {
      return this.data.series.filter((_, index) => !this.hidden.has(index));
    }

    get positions() {
      return [...new Set(this.shown.flatMap((one) => one.x))].sort((a, b) => a - b);
    }

    listen() {
      const follow = (event) => {
        const box = this.plot.getBoundingClientRect();
        const share = (event.clientX - box.left - MARGIN.left) / (this.width - MARGIN.left - MARGIN.right);
        const [left, right] = this.domain.x;
        this.goTo(nearest(this.positions, left + share * (right - left)));
      };
      this.plot.addEventListener("pointermove", follow);
      this.plot.addEventListener("pointerdown", follow);
      this.plot.addEventListener("pointerleave", () => this.goTo(null));
      this.plot.addEventListener("blur", () => this.goTo(null));
      this.plot.addEventListener("keydown", (event) => {
        const last = this.positions.length - 1;
        const now = this.at ?? (event.key === "ArrowLeft" ? last + 1 : -1);
        const jump = Math.max(1, Math.round(last / 10));
        const moves = {
          ArrowRight: now + 1, ArrowUp: now + 1, ArrowLeft: now - 1, ArrowDown: now - 1,
          PageUp: now + jump, PageDown: now - jump, Home: 0, End: last, Escape: null,
        };
        if (!(event.key in moves)) return;
        event.preventDefault();
        const target = moves[event.key];
        this.goTo(target === null ? null : Math.max(0, Math.min(last, target)));
      });
    }

    draw() {
      const printing = matchMedia("print").matches || this.printing;
      this.width = printing ? this.printWidth : this.plot.clientWidth || PAGE_WIDTH;
      this.height = Math.round(Math.max(210, Math.min(340, this.width * 0.56)));
      const scale = ([from, to], [start, end]) => (v) => start + ((v - from) / (to - from)) * (end - start);
      this.toX = scale(this.domain.x, [MARGIN.left, this.width - MARGIN.right]);
      const bend = this.data.log ? Math.log10 : (value) => value;
      const straight = scale(this.domain.y.map(bend), [this.height - MARGIN.bottom, MARGIN.top]);
      this.toY = (value) => straight(bend(value));
      this.cursor = shape("g", { class: "cursor" });
      this.svg = shape(
        "svg",
        { viewBox: `0 0 ${this.width} ${this.height}`, height: this.height, "aria-hidden": "true" },
        this.axes(),
        ...this.data.references.map((one) => this.reference(one)),
        ...this.shown.map((one) => this.curve(one)),
        this.cursor,
      );
      const label = (text, kind) => element("div", { class: kind }, text);
      this.plot.replaceChildren(
        label(this.data.y_label, "y-label"), this.svg, label(this.data.x_label, "x-label"), this.tip,
      );
      this.goTo(null);
    }

    axes() {
      const made = shape("g", { class: "axes" });
      const { width, height } = this;
      const heights = this.data.log ? decades(...this.domain.y) : ticks(...this.domain.y, 5);
      for (const tick of heights) {
        const y = this.toY(tick.value);
        made.append(
          shape("path", { d: `M${MARGIN.left} ${y}H${width - MARGIN.right}` }),
          shape("text", { x: MARGIN.left - 8, y, dy: "0.32em", "text-anchor": "end" }, tick.label),
        );
      }
      const bottom = height - MARGIN.bottom;
      const whole = this.data.series.every((one) => one.x.every(Number.isInteger));
      for (const tick of ticks(...this.domain.x, width < 480 ? 4 : 8, whole ? 1 : 0)) {
        const x = this.toX(tick.value);
        const anchor = x > width - MARGIN.right - 16 ? "end" : "middle";
        made.append(
          shape("path", { class: "tick", d: `M${x} ${bottom}v5` }),
          shape("text", { x: anchor === "end" ? width - 2 : x, y: bottom + 19, "text-anchor": anchor }, tick.label),
        );
      }
      made.append(shape("path", { class: "base", d: `M${MARGIN.left} ${bottom}H${width - MARGIN.right}` }));
      return made;
    }

    reference({ label, value }) {
      const y = this.toY(value);
      return shape(
        "g",
        { class: "reference" },
        shape("path", { d: `M${MARGIN.left} ${y}H${this.width - MARGIN.right}` }),
        shape("text", { x: this.width - MARGIN.right, y: y - 5, "text-anchor": "end" }, label),
      );
    }

    curve(series) {
      const point = (height) => (x, i) => `${this.toX(x).toFixed(1)} ${this.toY(height[i]).toFixed(1)}`;
      const made = shape("g", { class: `series s${series.color % N_COLORS}`, "data-name": series.name });
      if (series.low) {
        const there = series.x.map(point(series.high));
        const back = series.x.map(point(series.low)).reverse();
        made.append(shape("path", { class: "band", d: `M${[...there, ...back].join("L")}Z` }));
      }
      const line = `M${series.x.map(point(series.mean)).join("L")}`;
      made.append(shape("path", { class: "line", d: line, "stroke-dasharray": this.dash(series) }));
      if (series.x.length <= 12) {
        series.x.forEach((x, i) => made.append(this.dot(x, series.mean[i], 2.6)));
      }
      for (const x of series.marks ?? []) made.append(this.cross(x, series.mean[nearest(series.x, x)]));
      return made;
    }

    cross(x, y) {
      const [left, top] = [this.toX(x) - 4, this.toY(y) - 4];
      return shape("path", { class: "line mark", d: `M${left} ${top}l8 8m0 -8l-8 8` });
    }

    dot(x, y, r) {
      return shape("circle", { cx: this.toX(x), cy: this.toY(y), r });
    }

    goTo(index) {
      this.at = index;
      this.cursor.replaceChildren();
      const positions = this.positions;
      if (index === null || !positions.length) {
        this.tip.hidden = true;
        return;
      }
      const x = positions[index];
      const [left, right] = this.domain.x;
      const found = this.shown
        .map((series) => ({ series, i: nearest(series.x, x) }))
        .filter(({ series, i }) => Math.abs(series.x[i] - x) <= 0.01 * (right - left))
        .sort((a, b) => b.series.mean[b.i] - a.series.mean[a.i]);
      this.cursor.append(
        shape("path", { d: `M${this.toX(x)} ${MARGIN.top}V${this.height - MARGIN.bottom}` }),
        ...found.map(({ series, i }) => {
          const dot = this.dot(series.x[i], series.mean[i], 4);
          dot.setAttribute("class", `s${series.color % N_COLORS}`);
          return dot;
        }),
      );
      this.tell(x, found);
    }

    tell(x, found) {
      const head = `${this.data.x_label} ${number(x)}`;
      const lines = found.map(({ series, i }) => ({
        series,
        value: number(series.mean[i]),
        interval: series.low ? `[${number(series.low[i])}, ${number(series.high[i])}]` : "",
      }));
      const rows = lines.map(({ series, value, interval }) => element(
        "tr",
        { class: `s${series.color % N_COLORS}` },
        element("th", { scope: "row" }, series.name),
        element("td", {}, value),
        element("td", { class: "interval" }, interval),
      ));
      this.tip.replaceChildren(element("div", {}, head), element("table", {}, element("tbody", {}, ...rows)));
      this.tip.hidden = false;
      const room = this.width - this.tip.offsetWidth;
      const at = this.toX(x);
      const beside = at + 14 > room ? at - 14 - this.tip.offsetWidth : at + 14;
      this.tip.style.left = `${Math.max(0, Math.min(room, beside))}px`;
      const spoken = lines.map(({ series, value, interval }) => `${series.name} ${value} ${interval}`.trim());
      this.plot.setAttribute("aria-valuetext", [head, ...spoken].join("; "));
      this.plot.setAttribute("aria-valuenow", String(x));
    }
  }

  const charts = [...document.querySelectorAll(".chart")].map((root) => new Chart(root));
  const folded = [...document.querySelectorAll("details")];
  const print = (printing) => {
    for (const chart of charts) {
      chart.printing = printing;
      chart.draw();
    }
    for (const one of folded) {
      if (printing) one.dataset.open = String(one.open);
      one.open = printing || one.dataset.open === "true";
    }
  };
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
})();
