// The filter of the gallery. Without this script all cards are shown and the form is not.
const form = document.getElementById("filter");
if (form) {
  const cards = [...document.querySelectorAll(".card")];
  const count = document.getElementById("count");
  const chosen = (set) =>
    new Set([...set.querySelectorAll("input:checked")].map((box) => box.value));

  function update() {
    const sets = [...form.querySelectorAll("fieldset")].map((set) => [set.dataset.key, chosen(set)]);
    const words = form.elements.words.value.trim().toLowerCase().replace(/\s+/g, " ");
    let shown = 0;
    for (const card of cards) {
      const text = card.textContent.toLowerCase();
      const fits =
        sets.every(([key, values]) => values.has(card.dataset[key])) &&
        text.includes(words);
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
