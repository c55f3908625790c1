// The playground of the tasks. The address holds the state: the fields of the question that the
// server answers with trials.

import { Chart } from "./chart.js";
import { announce, Asker, degrees, make, onKeys, onTheme, theme, unpack } from "./common.js";
import { SETTINGS, Sliders, TaskPicker } from "./controls.js";
import { facts, told } from "./facts.js";
import { drawMark, drawRing } from "./ring.js";
import { Transport } from "./transport.js";

const $ = (id) => document.getElementById(id);
const asker = new Asker();
const fields = new Map(new URLSearchParams(location.search));

let catalog = null;
let shown = []; // { panel, chart, ring, now } of each task
let touched = false; // whether the visitor has chosen a time

const look = () => (look.kept ??= theme());

async function start() {
  catalog = await new Asker().ask("/api/catalog", {});
  if (catalog.error) {
    problem(catalog);
    return;
  }
  const pick = (field) => (name) => change({ [field]: name });
  pickers.push(new TaskPicker($("task"), "Task", catalog, pick("task")));
  pickers.push(new TaskPicker($("task-2"), "Compared with", catalog, pick("compare")));
  await refresh("");
  if (shown.length) transport.playOnce();
}

const pickers = [];
const sliders = new Sliders($("settings"), (key, value) => change({ [key]: value }));
const transport = new Transport($("transport"), (step, byHand) => {
  touched ||= byHand;
  shown.forEach((each) => draw(each, step));
  if (byHand && shown.length) announce(shown.map((each) => each.now.textContent).join(" "));
});

/** Change fields (null removes one), and ask. */
function change(changes, said = "") {
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === "") fields.delete(key);
    else fields.set(key, String(value));
  }
  const query = new URLSearchParams([...fields]).toString();
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
  return refresh(said);
}

async function refresh(said) {
  const answer = await asker.ask("/api/view", [...fields]);
  if (!answer) return;
  if (answer.error) {
    problem(answer);
    // An address that cannot be shown: leave out what was refused, or begin anew, and say all of it.
    if (!shown.length && fields.size) {
      const left = notice(`The address has what cannot be shown, and was mended. ${answer.error}`);
      if (!fields.delete(fieldOf(answer.argument))) fields.clear();
      await change({});
      $("notices").prepend(left);
      sliders.mark(fieldOf(answer.argument));
    }
    return;
  }
  $("notices").replaceChildren(
    ...answer.warnings.map(notice),
  );
  sliders.mark(null);
  show(answer);
  if (said) announce(`${said} ${shown.map((each) => told(each.panel)).join(" ")}`);
}

const notice = (text) => make("p", { className: "notice", textContent: text });

function problem({ error, argument }) {
  $("notices").replaceChildren(notice(error));
  sliders.mark(fieldOf(argument));
}

/** The field of the page that an argument of modcog comes from. */
function fieldOf(argument) {
  if (argument?.startsWith("timing")) return "interval";
  return argument === "coherences" ? "coherence" : argument;
}

function controls(panels) {
  const values = Object.fromEntries(
    SETTINGS.filter(({ key }) => fields.has(key)).map(({ key }) => [key, Number(fields.get(key))]),
  );
  if (panels.length) sliders.show(values, panels, catalog);
  panels.forEach((panel, i) => pickers[i].show(panel.base, panel.modifiers));
  const two = fields.has("compare");
  $("task-2").hidden = !two;
  $("compare").setAttribute("aria-pressed", String(two));
  $("compare").textContent = two ? "Show one task" : "Compare two tasks";
}

function show(answer) {
  const panels = answer.panels.map((panel) => ({ ...panel, inputs: unpack(panel.inputs) }));
  const longest = Math.max(...panels.map((panel) => panel.targets.length * panel.dt));
  $("panels").classList.toggle("two", panels.length > 1);
  while (shown.length > panels.length) shown.pop().article.remove();
  while (shown.length < panels.length) shown.push(place());
  const compact = panels.length > 1;
  shown.forEach((each, i) => fill(each, panels[i], { longest, compact }));
  $("code").textContent = answer.code;
  $("seed").value = answer.seed;
  document.title = `${panels.map((panel) => panel.name).join(" and ")} · Mod-Cog`;
  controls(panels);
  drawMark($("mark"), panels[0].colors);
  const { dt, periods } = panels[0];
  const steps = Math.max(...panels.map((panel) => panel.targets.length));
  const keep = touched || transport.playing;
  const at = keep ? (transport.step * transport.dt) / dt : periods.at(-1).start;
  transport.load(steps, dt, at);
}

/** The elements of one task's panel. */
function place() {
  const parts = {
    name: make("h2"),
    about: make("p", { className: "about" }),
    facts: make("ul", { className: "facts" }),
    picture: make("canvas", { role: "img" }),
    ring: make("canvas", { role: "img" }),
    now: make("p", { className: "now" }),
  };
  const right = make("div", { className: "ring" }, parts.ring, parts.now);
  const pictures = make("div", { className: "pictures" }, make("div", {}, parts.picture), right);
  parts.article = make("article", { className: "panel" }, parts.name, parts.about, parts.facts, pictures);
  $("panels").append(parts.article);
  parts.chart = new Chart(parts.picture, (ms) => transport.go(Math.floor(ms / transport.dt)));
  parts.observer = new ResizeObserver(() => redraw(parts));
  parts.observer.observe(parts.picture);
  return parts;
}

function fill(parts, panel, space) {
  Object.assign(parts, { panel, space });
  parts.name.textContent = panel.name;
  parts.about.textContent = panel.sentence;
  parts.facts.replaceChildren(...facts(panel, look().soft));
  parts.picture.setAttribute("aria-label", `Inputs and target over time. ${told(panel)}`);
  parts.chart.load(panel, space, look());
}

function redraw(parts) {
  if (!parts.panel) return;
  parts.chart.load(parts.panel, parts.space, look());
  draw(parts, transport.step);
}

function draw({ panel, chart, ring, now }, step) {
  const t = Math.min(step, panel.targets.length - 1);
  const n = panel.dim_ring;
  const part = (first) => Array.from({ length: n }, (_, k) => panel.inputs.at(t, first + k));
  const period = panel.periods.findLast(({ start, steps }) => steps && start <= t);
  const target = panel.targets[t];
  const moment = {
    n,
    colors: panel.colors,
    rings: [part(1), part(1 + n)],
    fixation: panel.inputs.at(t, 0),
    target,
    trail: panel.targets.slice(panel.periods.at(-1).start, t),
  };
  const what = target ? degrees(((target - 1) * 360) / n) : "fixate";
  now.textContent = `${Math.round(t * panel.dt)} ms, ${period.name}: target ${what}`;
  ring.setAttribute("aria-label", `Rings at ${now.textContent}`);
  chart.show(step, look());
  drawRing(ring, moment, look());
}

async function copy() {
  const text = $("code").textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without the permission: select it, so that the browser's own key copies it.
    getSelection().selectAllChildren($("code"));
    return announce("The code is selected. Copy it with the key of your browser.");
  }
  $("copy").textContent = "Copied";
  setTimeout(() => ($("copy").textContent = "Copy"), 1500);
  return announce("The code was copied.");
}

function another() {
  change({ seed: (Number(fields.get("seed")) || 0) + 1 }, "Another trial.");
}

function compare() {
  if (fields.has("compare")) return change({ compare: null }, "One task.");
  const { base, modifiers } = shown[0]?.panel ?? { base: "DlyGo", modifiers: [] };
  // Something to compare at once: the same task without its modifiers, or with one.
  return change({ compare: modifiers.length ? base : `${base}_SeqR` }, "Two tasks.");
}

function help() {
  $("help").showModal();
}

$("another").addEventListener("click", another);
$("compare").addEventListener("click", compare);
$("copy").addEventListener("click", copy);
$("keys").addEventListener("click", help);
$("seed").addEventListener("change", () => change({ seed: $("seed").value || null }, "Trial."));
$("reset").addEventListener("click", () =>
  change(Object.fromEntries(SETTINGS.map(({ key }) => [key, null])), "All settings as in the tasks."),
);
onTheme(() => {
  look.kept = null;
  shown.forEach(redraw);
});
onKeys(
  {
    " ": () => transport.toggle(),
    ArrowLeft: () => transport.move(-1),
    ArrowRight: () => transport.move(1),
    Home: () => transport.move(-transport.steps),
    End: () => transport.move(transport.steps),
    n: another,
    c: compare,
    y: copy,
    "?": help,
  },
  () => $("keys-on").checked,
);
start();
