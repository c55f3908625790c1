// The filter of the gallery. Without this script all cards are shown and the form is not.
const form = document.getElementById("filter");
if (form) {
  const cards = [...document.querySelectorAll(".card")];
  const count = document.getElementById("count");
  const chosen = (set) =>
    new Set([...set.querySelectorAll("input:checked")].map((box) => box.value));
  const plain = (text) => text.trim().toLowerCase().replace(/\s+/g, " ");
  // What a card says, and what the field calls that.
  const texts = new Map(
    cards.map((card) => [card, plain(`${card.textContent} | ${card.dataset.words}`)]),
  );

  /** Whether a card has the words: as a phrase; where no card has it, all of them anywhere. */
  function finder(words) {
    if ([...texts.values()].some((text) => text.includes(words)))
      return (card) => texts.get(card).includes(words);
    const each = words.split(" ");
    return (card) => each.every((word) => texts.get(card).includes(word));
  }

  function update() {
    const sets = [...form.querySelectorAll("fieldset")].map((set) => [set.dataset.key, chosen(set)]);
    const has = finder(plain(form.elements.words.value));
    let shown = 0;
    for (const card of cards) {
      const fits = sets.every(([key, values]) => values.has(card.dataset[key])) && has(card);
      card.hidden = !fits;
      shown += fits;
    }
    count.textContent = shown === 1 ? "1 task" : `${shown} tasks`;
  }

  form.hidden = false;
  form.addEventListener("input", update);
  form.addEventListener("reset", () => setTimeout(update));
  form.addEventListener("submit", (event) => event.preventDefault());
  update(); // a browser may have kept the choices of an earlier visit
}

// A click on a picture plays trials of its task over the page. Without this script, or with a key
// that opens links elsewhere, the link leads to the same player.
const openers = document.querySelectorAll(".card .open");
if (openers.length) {
  const dialog = document.createElement("dialog");
  dialog.className = "player";
  dialog.setAttribute("aria-label", "Trials of a task");
  const close = document.createElement("button");
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  const frame = document.createElement("iframe");
  frame.title = "Player";
  dialog.append(close, frame);
  // Nothing plays on behind the page.
  dialog.addEventListener("close", () => frame.removeAttribute("src"));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  for (const opener of openers)
    opener.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      const scheme = document.body.dataset.mdColorScheme === "slate" ? "dark" : "light";
      frame.src = `${opener.href}&scheme=${scheme}`;
      dialog.showModal();
    });
}
