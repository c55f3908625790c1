// The playground of the tasks. The address holds the state: the fields of the question that the
// server answers with trials.

import { announce, Asker, make, onKeys, onTheme, theme } from "./common.js";
import { SETTINGS, Sliders, TaskPicker } from "./controls.js";
import { Panel } from "./panel.js";
import { drawMark } from "./ring.js";
import { Transport } from "./transport.js";

const $ = (id) => document.getElementById(id);
const asker = new Asker();
const fields = new Map(new URLSearchParams(location.search));

let catalog = null;
let shown = []; // the panel of each task
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
  shown.forEach((each) => each.draw(step));
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
  if (said) announce(`${said} ${shown.map((each) => each.told()).join(" ")}`);
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

function show({ panels, code, seed }) {
  const longest = Math.max(...panels.map((panel) => panel.targets.length * panel.dt));
  $("panels").classList.toggle("two", panels.length > 1);
  while (shown.length > panels.length) shown.pop().article.remove();
  const toTime = (ms) => transport.go(Math.floor(ms / transport.dt));
  while (shown.length < panels.length) shown.push(new Panel($("panels"), look, toTime));
  const compact = panels.length > 1;
  shown.forEach((each, i) => each.fill(panels[i], { longest, compact }));
  $("code").textContent = code;
  $("seed").value = seed;
  document.title = `${panels.map((panel) => panel.name).join(" and ")} · Mod-Cog`;
  controls(panels);
  drawMark($("mark"), panels[0].colors);
  const { dt, periods } = panels[0];
  const steps = Math.max(...panels.map((panel) => panel.targets.length));
  const keep = touched || transport.playing;
  const at = keep ? (transport.step * transport.dt) / dt : periods.at(-1).start;
  transport.load(steps, dt, at);
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
  const { base, modifiers } = shown[0]?.trial ?? { base: "DlyGo", modifiers: [] };
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
  shown.forEach((each) => each.redraw());
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
