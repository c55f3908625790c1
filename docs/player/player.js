// The player of the gallery: trials of one task, written when the site was built. The address names
// the task and the trial; the pictures are those of the playground, by the playground's own files.

import { announce, make, onKeys, onTheme, theme } from "./common.js";
import { Panel } from "./panel.js";
import { Transport } from "./transport.js";

const $ = (id) => document.getElementById(id);
const fields = new URLSearchParams(location.search);
const look = () => (look.kept ??= theme());

let panel = null;
let trials = [];
let chosen = 0;

const transport = new Transport($("transport"), (step, byHand) => {
  panel?.draw(step);
  if (byHand && panel) announce(panel.now.textContent);
});

/** Show the page in light or dark colours, whatever the system prefers: as the site around it. */
function paint(scheme) {
  document.documentElement.style.colorScheme = scheme;
  for (const { cssRules } of document.styleSheets)
    for (const { media } of cssRules)
      if (media?.mediaText.includes("prefers-color-scheme"))
        media.mediaText = scheme === "dark" ? "all" : "not all";
}

async function start() {
  if (fields.has("scheme")) paint(fields.get("scheme") === "dark" ? "dark" : "light");
  const name = fields.get("task") ?? "DlyGo_IntL_SeqR";
  try {
    // A name, and no other address.
    if (!/^\w+$/.test(name)) throw new Error(name);
    const response = await fetch(`trials/${name}.json`);
    if (!response.ok) throw new Error(name);
    trials = await response.json();
  } catch {
    return problem(name);
  }
  document.title = `${name} · Mod-Cog`;
  $("gallery").href = `../gallery.html#${name}`;
  $("command").textContent = `modcog explore ${name}`;
  panel = new Panel($("panels"), look, (ms) => transport.go(Math.floor(ms / transport.dt)));
  trials.forEach((_, i) => {
    const button = make("button", { type: "button", textContent: `Trial ${i + 1}` });
    button.addEventListener("click", () => choose(i));
    $("trials").append(button);
  });
  $("trials").hidden = false;
  const asked = Number(fields.get("trial") ?? 1) - 1;
  show(asked in trials ? asked : 0);
  return transport.playOnce();
}

function problem(name) {
  const text =
    location.protocol === "file:"
      ? "Browsers play trials from a server only: python -m http.server -d site"
      : `There are no trials of ${name} here.`;
  $("notices").replaceChildren(make("p", { className: "notice", textContent: text }));
  $("transport").hidden = true;
}

/** Show a trial on the axis of the longest one, so that they can be compared. */
function show(i) {
  chosen = i;
  const longest = Math.max(...trials.map(({ targets, dt }) => targets.length * dt));
  const { dt, periods, targets } = trials[i];
  panel.fill(trials[i], { longest, compact: false });
  [...$("trials").children].forEach((button, j) => button.setAttribute("aria-pressed", j === i));
  transport.load(targets.length, dt, periods.at(-1).start);
}

function choose(i) {
  show((i + trials.length) % trials.length);
  announce(panel.told());
  if (!transport.playing) transport.playOnce();
}

onTheme(() => {
  look.kept = null;
  panel?.redraw();
});
onKeys(
  {
    " ": () => transport.toggle(),
    ArrowLeft: () => transport.move(-1),
    ArrowRight: () => transport.move(1),
    Home: () => transport.move(-transport.steps),
    End: () => transport.move(transport.steps),
    n: () => choose(chosen + 1),
  },
  () => panel !== null,
);
start();
