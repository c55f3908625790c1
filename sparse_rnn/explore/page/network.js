// The playground of a network. The address holds what is shown: slot, seed, noise, unit, color.

import { Chart } from "./chart.js";
import { announce, Asker, make, onKeys, onTheme, theme, unpack } from "./common.js";
import { facts, told } from "./facts.js";
import { drawMark } from "./ring.js";
import { Transport } from "./transport.js";
import { clusterColor, drawBars, isArrow, rgb, shade, Sheet, Strip, weightColor } from "./units.js";

const $ = (id) => document.getElementById(id);
let fields = new Map(new URLSearchParams(location.search));
const askers = { trial: new Asker(), unit: new Asker(), color: new Asker() };

let about = null;
let panel = null; // the trial
let one = null; // the unit
let clusters = null;
let preferred = null;
let units = null; // the picture of all units
let grids = {}; // pictures of the synapses
let touched = false;

const look = () => (look.kept ??= theme());
const chosen = () => Number(fields.get("unit") ?? about.middle);
const color = () => fields.get("color") ?? "activity";

const chart = new Chart($("trial"), (ms) => transport.go(Math.floor(ms / transport.dt)));
const transport = new Transport($("transport"), (step, byHand) => {
  touched ||= byHand;
  if (panel) draw();
  if (byHand && panel) announce(moment());
});

async function start() {
  about = await new Asker().ask("/api/about", {});
  if (about.error) {
    problem(about.error);
    return;
  }
  const address = await new Asker().ask("/api/address", [...fields]);
  fields = new Map(Object.entries(address.fields ?? {}));
  $("name").textContent = about.name;
  document.title = `${about.name} · network`;
  $("what").textContent =
    `${about.arch}, ${about.cell}, ${about.units} units, ${about.synapses} synapses; ` +
    `${about.suite}, ${about.steps} steps of training`;
  about.tasks.forEach(({ name, accuracy }, slot) => {
    const twice = about.tasks.findIndex((task) => task.name === name) < slot ? " (again)" : "";
    const known = accuracy === null ? "" : ` — ${Math.round(100 * accuracy)} %`;
    $("slot").append(new Option(name + twice + known, slot));
  });
  $("unit").max = about.units - 1;
  const [rows, columns] = about.sheet ?? square(about.units);
  units = about.sheet ? new Sheet($("units"), rows, columns) : new Strip($("units"));
  grids = { into: new Sheet($("into"), rows, columns), out: new Sheet($("out"), rows, columns) };
  controls();
  $("sentence").textContent = "The network computes its first trial …";
  const whole = await change({});
  for (const text of address.problems ?? [address.error]) {
    problem(`The address has what cannot be shown, and was mended. ${text}`);
  }
  if (whole) transport.playOnce();
}

/** Units that lie on no sheet, in the order of their numbers. */
function square(n) {
  const columns = Math.ceil(Math.sqrt(n));
  return [Math.ceil(n / columns), columns];
}

function change(changes, said = "") {
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) fields.delete(key);
    else fields.set(key, String(value));
  }
  const query = new URLSearchParams([...fields]).toString();
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
  return refresh(said);
}

const last = {};

/** Ask for what has changed; returns whether all is shown. */
async function refresh(said) {
  const part = (...names) => Object.fromEntries(names.filter((n) => fields.has(n)).map((n) => [n, fields.get(n)]));
  const jobs = [];
  const need = (what, query, job) => {
    const key = JSON.stringify(query);
    if (last[what] !== key) jobs.push(job(query).then((done) => done && (last[what] = key)));
  };
  clear();
  need("trial", part("slot", "seed", "noise"), askTrial);
  need("unit", { ...part("slot"), unit: chosen() }, askUnit);
  need("color", { color: color(), ...(color() === "preferred" ? part("slot") : {}) }, askColor);
  await Promise.all(jobs);
  controls();
  draw();
  if (said && panel) announce(`${said} ${told(panel)}`);
  return panel !== null && one !== null;
}

async function askTrial(query) {
  const answer = await askers.trial.ask("/api/trial", query);
  if (!answer) return false;
  if (answer.error) {
    problem(answer.error);
    return false;
  }
  const { shape, data } = answer.activity;
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const activity = { steps: shape[0], units: shape[1], level: (t, unit) => bytes[t * shape[1] + unit] };
  panel = { ...answer, inputs: unpack(answer.inputs), activity, low: answer.activity.low, high: answer.activity.high };
  panel.byPeak = byPeak(activity);
  $("task").textContent = panel.name;
  $("sentence").textContent = panel.sentence;
  const verdict = panel.right ? "the network is right at the end" : "the network is wrong at the end";
  $("facts").replaceChildren(...facts(panel, look().soft), make("li", {}, verdict));
  $("trial").setAttribute("aria-label", `Trial over time. ${told(panel)} ${verdict}.`);
  load();
  const at = touched || transport.playing ? (transport.step * transport.dt) / panel.dt : panel.periods.at(-1).start;
  transport.load(panel.targets.length, panel.dt, at);
  drawMark($("mark"), panel.colors);
  return true;
}

function load() {
  chart.load(panel, { longest: panel.targets.length * panel.dt, compact: false }, look());
}

async function askUnit(query) {
  const answer = await askers.unit.ask("/api/unit", query);
  if (!answer) return false;
  if (answer.error) problem(answer.error);
  else one = answer;
  return !answer.error;
}

async function askColor({ color: kind, ...query }) {
  if (kind === "clusters" && !clusters) {
    $("about-color").textContent = "Clustering all units over all tasks …";
    const answer = await askers.color.ask("/api/clusters", {});
    if (!answer) return false;
    if (answer.error) {
      problem(answer.error);
      fields.delete("color");
    } else clusters = answer;
  }
  if (kind === "preferred") {
    const answer = await askers.color.ask("/api/preferred", query);
    if (!answer) return false;
    if (answer.error) problem(answer.error);
    else preferred = answer;
  }
  return true;
}

function problem(text) {
  $("notices").append(make("p", { className: "notice", textContent: text }));
}

function clear() {
  $("notices").replaceChildren();
}

function controls() {
  $("slot").value = panel?.slot ?? fields.get("slot") ?? 0;
  $("seed").value = panel?.seed ?? fields.get("seed") ?? 0;
  $("noise").checked = fields.get("noise") === "yes";
  $("unit").value = chosen();
  for (const radio of document.querySelectorAll("[name=color]")) radio.checked = radio.value === color();
  const notes = {
    activity: "Of the step that is shown; the scale is that of the trial.",
    preferred: "Of the mean activity in the decision; pale units prefer none.",
    clusters: clusters ? "By task variance. Grey units are silent." : "",
  };
  $("about-color").textContent = notes[color()];
  $("legend").replaceChildren(...(color() === "clusters" && clusters ? legend() : []));
}

function legend() {
  return clusters.clusters.map(({ units: size, tasks }, k) => {
    const swatch = make("i");
    swatch.style.background = `rgb(${clusterColor(k).join(" ")})`;
    return make("li", {}, swatch, make("span", {}, `${size}`), make("span", {}, tasks.join(", ")));
  });
}

const SILENT = [150, 150, 150];

function unitColor(step) {
  if (color() === "clusters" && clusters)
    return (unit) => (clusters.labels[unit] < 0 ? SILENT : clusterColor(clusters.labels[unit]));
  if (color() === "preferred" && preferred && panel) {
    const paper = paperColor();
    return (unit) => {
      const k = Math.round((preferred.angle[unit] / 360) * panel.dim_ring) % panel.dim_ring;
      const share = Math.min(1, 2 * preferred.sharpness[unit]);
      return rgb(panel.colors[k]).map((v, i) => Math.round(paper[i] + share * (v - paper[i])));
    };
  }
  return (unit) => shade(panel.activity.level(step, unit));
}

const paperColor = () => rgb(look().fixate);

/** Order of units for the picture over time: by cluster, else by the step of their peak. */
function order() {
  const n = about.units;
  const clustered = color() === "clusters" && clusters !== null;
  if (panel.order?.clustered === clustered) return panel.order.units;
  const by = clustered ? (unit) => clusters.labels[unit] : () => 0;
  const sorted = Array.from({ length: n }, (_, unit) => unit).sort(
    (a, b) => by(a) - by(b) || panel.byPeak[a] - panel.byPeak[b] || a - b,
  );
  panel.order = { clustered, units: sorted };
  return sorted;
}

function byPeak({ steps, units: n, level }) {
  return Array.from({ length: n }, (_, unit) => {
    let best = 0;
    for (let t = 1; t < steps; t += 1) if (level(t, unit) > level(best, unit)) best = t;
    return best;
  });
}

function draw() {
  if (!panel || !units) return;
  const step = Math.min(transport.step, panel.targets.length - 1);
  chart.show(step, look());
  const selected = chosen();
  if (about.sheet) units.draw(about.units, unitColor(step), selected, look());
  else {
    const mark = color() === "activity" ? () => null : unitColor(step);
    units.draw({ activity: panel.activity, order: order(), mark, selected, step }, look());
  }
  const sorted = color() === "clusters" ? "cluster and by the step of their peak" : "the step of their peak";
  const which = about.sheet ? `The sheet of ${about.sheet.join(" × ")} units` : `Units over time, by ${sorted}`;
  const active = !about.sheet || color() === "activity";
  const range = active ? ` Activity from ${number(panel.low)} to ${number(panel.high)}.` : "";
  $("units-caption").textContent = `${which}.${range} ${moment()}`;
  $("units").setAttribute("aria-label", `${which}; arrow keys choose a unit. Unit ${selected} is chosen.`);
  if (one && one.unit === selected) drawOne();
}

function drawOne() {
  const { unit } = one;
  const where = about.sheet ? ` (row ${Math.floor(unit / about.sheet[1])}, column ${unit % about.sheet[1]})` : "";
  const label = clusters ? clusters.labels[unit] : null;
  const member = label === null ? "" : label < 0 ? ", silent" : `, cluster ${label + 1} of ${clusters.clusters.length}`;
  $("unit-title").textContent = `Unit ${unit}${where}${member}`;
  for (const [id, values] of [["tuning-stimulus", one.stimulus], ["tuning-answer", one.answer], ["readout", one.readout]]) {
    drawBars($(id), values, panel.colors, look());
    const best = values.indexOf(Math.max(...values.map((value) => value ?? -Infinity)));
    $(id).setAttribute("aria-label", `Highest at ${(best * 360) / values.length}°`);
  }
  const sizes = [...one.into.weights, ...one.out.weights].map(Math.abs);
  const largest = Math.max(0, ...sizes);
  const kind = one.signed ? "orange above 0, blue below" : "root of the sum of squares over gates";
  for (const [id, words] of [["into", "onto"], ["out", "from"]]) {
    const weights = new Map(one[id].units.map((other, i) => [other, one[id].weights[i]]));
    const paint = (other) => (weights.has(other) ? weightColor(weights.get(other), largest, paperColor()) : null);
    grids[id].draw(about.units, paint, unit, look());
    const count = `${weights.size} synapse${weights.size === 1 ? "" : "s"}`;
    const caption = `${count} ${words} the unit; ${kind}, up to ${number(largest)}`;
    $(`${id}-caption`).textContent = caption;
    $(id).setAttribute("aria-label", caption);
  }
}

const number = (value) => Number(value.toPrecision(2)).toString();

function moment() {
  const t = Math.min(transport.step, panel.targets.length - 1);
  const period = panel.periods.findLast(({ start, steps }) => steps && start <= t);
  return `${Math.round(t * panel.dt)} ms, ${period.name}.`;
}

function another() {
  change({ seed: (panel?.seed ?? 0) + 1 }, "Another trial.");
}

function choose(unit) {
  if (unit === chosen()) return;
  change({ unit }).then(() => announce(`${$("unit-title").textContent}.`));
}

$("slot").addEventListener("change", () => change({ slot: $("slot").value }, "Task."));
$("seed").addEventListener("change", () => change({ seed: $("seed").value || null }, "Trial."));
$("another").addEventListener("click", another);
$("noise").addEventListener("change", () => change({ noise: $("noise").checked ? "yes" : null }, "Trial."));
$("colors").addEventListener("change", (event) => change({ color: event.target.value }));
$("unit").addEventListener("change", () => change({ unit: $("unit").value || null }));
$("keys").addEventListener("click", () => $("help").showModal());
$("units").addEventListener("pointerdown", (event) => {
  const box = $("units").getBoundingClientRect();
  choose(units.at(event.clientX - box.left, event.clientY - box.top));
});
for (const id of ["into", "out"])
  $(id).addEventListener("pointerdown", (event) => {
    const box = $(id).getBoundingClientRect();
    const unit = grids[id].at(event.clientX - box.left, event.clientY - box.top);
    if (unit < about.units) choose(unit);
  });
$("units").addEventListener("keydown", (event) => {
  if (!isArrow(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  choose(units.next(chosen(), event.key));
});
new ResizeObserver(() => {
  if (!panel) return;
  load();
  draw();
}).observe($("stage"));
onTheme(() => {
  look.kept = null;
  if (!panel) return;
  load();
  draw();
});
onKeys(
  {
    " ": () => transport.toggle(),
    ArrowLeft: () => transport.move(-1),
    ArrowRight: () => transport.move(1),
    Home: () => transport.move(-transport.steps),
    End: () => transport.move(transport.steps),
    n: another,
    a: () => change({ color: null }),
    d: () => change({ color: "preferred" }),
    c: () => change({ color: "clusters" }),
    "?": () => $("help").showModal(),
  },
  () => $("keys-on").checked,
);
start();
