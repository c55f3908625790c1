// The table of the board: a click on the head of a column sorts by it, another one the other way.
// What is not known stays last.
(() => {
  "use strict";

  const value = (row, column) => row.cells[column].dataset.value ?? "";

  const before = (a, b) => {
    const [x, y] = [Number(a), Number(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
  };

  const sort = (table, column, descending) => {
    const body = table.tBodies[0];
    const rows = [...body.rows].sort((one, other) => {
      const [a, b] = [value(one, column), value(other, column)];
      if (a === "" || b === "") return (a === "") - (b === "");
      return descending ? before(b, a) : before(a, b);
    });
    body.append(...rows);
  };

  for (const table of document.querySelectorAll("table.board")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      head.querySelector("button")?.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        const next = { ascending: "descending", descending: "ascending" }[now] ?? head.dataset.first;
        for (const one of heads) one.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", next);
        sort(table, column, next === "descending");
      });
    });
  }
})();
