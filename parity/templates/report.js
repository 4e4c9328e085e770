"use strict";
// The table of all results: searched, filtered, sorted, shown a page at a time. The address holds what is asked for.
{
  const PAGE = 50;
  const FIELDS = ["family", "name", "dtype", "quantity", "verdict", "mine", "theirs", "limit", "truth", "detail", "script"];
  const FILTERS = ["q", "family", "dtype", "verdict"];
  const NUMBERS = ["mine", "theirs", "limit"];
  const WRONG = ["worse", "differs", "gone"];

  const { texts, rows: packed } = JSON.parse(document.getElementById("data").textContent);
  const form = document.getElementById("filters");
  const body = document.querySelector("#table tbody");
  const headers = [...document.querySelectorAll("#table th")];

  // Rows hold the number of each text; what is left out at their end is "", or null.
  const rows = packed.map((row, order) => {
    const result = { order };
    FIELDS.forEach((field, i) => (result[field] = NUMBERS.includes(field) ? (row[i] ?? null) : texts[row[i] ?? 0]));
    const { family, name, dtype, quantity, verdict, detail } = result;
    result.text = `${family}/${name} ${dtype} ${quantity} ${verdict} ${detail}`.toLowerCase();
    return result;
  });
  let found = rows, page = 0, sort = { key: "order", sign: 1 };

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function ulp(x) {
    if (x === null) return "–";
    if (x >= 1e6 || (x > 0 && x < 1e-4)) return x.toExponential(2);
    return x >= 1000 ? Math.round(x).toLocaleString("en") : String(Number(x.toPrecision(3)));
  }

  function search() {
    const asked = Object.fromEntries(FILTERS.map((name) => [name, form.elements[name].value.trim()]));
    const words = asked.q.toLowerCase().split(/\s+/).filter(Boolean);
    found = rows.filter((r) => FILTERS.slice(1).every((f) => !asked[f] || r[f] === asked[f]) && words.every((w) => r.text.includes(w)));
    order();
    show(0);
    return new URLSearchParams(Object.entries(asked).filter(([, value]) => value)).toString();
  }

  function order() {
    const { key, sign } = sort;
    // What has no number comes last, whichever way.
    const compare = (a, b) => (a === null) - (b === null) || (a < b ? -sign : a > b ? sign : 0);
    found.sort((a, b) => compare(a[key], b[key]) || a.order - b.order);
    for (const th of headers) {
      if (th.dataset.key === key) th.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      else th.removeAttribute("aria-sort");
    }
  }

  function show(number) {
    page = number;
    const part = found.slice(page * PAGE, (page + 1) * PAGE);
    body.replaceChildren(...part.map(line));
    const range = `${(page * PAGE + 1).toLocaleString("en")} to ${(page * PAGE + part.length).toLocaleString("en")} of `;
    document.getElementById("shown").textContent = `${part.length ? range : ""}${found.length.toLocaleString("en")} results`;
    document.getElementById("previous").disabled = page === 0;
    document.getElementById("next").disabled = (page + 1) * PAGE >= found.length;
  }

  function line(result) {
    const cell = (name, ...children) => make("td", { role: "cell", class: name }, ...children);
    const open = make("button", { type: "button", "aria-expanded": "false" }, result.name);
    const verdict = make("span", { class: `verdict ${WRONG.includes(result.verdict) ? "wrong" : result.verdict}` }, result.verdict);
    const row = make("tr", { role: "row" },
      cell("name", open), cell("quantity", result.quantity), cell("family", result.family), cell("dtype", result.dtype || "–"),
      cell("verdict-of", verdict), ...NUMBERS.map((n) => cell(`n ${n}`, ulp(result[n]))));
    open.addEventListener("click", () => {
      const closed = open.getAttribute("aria-expanded") === "false";
      open.setAttribute("aria-expanded", String(closed));
      if (closed) row.after(details(result));
      else row.nextElementSibling.remove();
    });
    return row;
  }

  function details(result) {
    const truth = { float64: "PyTorch in float64", mpmath: "mpmath", PyTorch: "PyTorch's own result" }[result.truth] ?? result.truth;
    const said = [
      result.detail || { exact: "Equal to PyTorch's result, to the bit.", close: "Within what is allowed." }[result.verdict] || "",
      truth ? `Errors are measured against ${truth}.` : "Nothing to measure: equal, or not.",
    ];
    const cell = make("td", { role: "cell", colspan: headers.length }, ...said.filter(Boolean).map((text) => make("p", {}, text)));
    if (result.script) {
      cell.append(make("p", {}, "The first disagreement of this case:"), make("pre", { tabindex: "0", "aria-label": "Script" }, result.script));
    }
    return make("tr", { role: "row", class: "details" }, cell);
  }

  function ask() {
    const address = search();
    history.replaceState(null, "", `#cases${address && `?${address}`}`);
  }

  // Links such as #cases?family=reduce set the filters, #cases clears them.
  function follow() {
    const [place, asked] = location.hash.slice(1).split("?");
    if (place === "cases") {
      const values = new URLSearchParams(asked);
      for (const name of FILTERS) form.elements[name].value = values.get(name) ?? "";
      document.getElementById("cases").scrollIntoView();
    }
    search();
  }

  for (const th of headers) {
    th.firstElementChild.addEventListener("click", () => {
      const { key } = th.dataset;
      const first = NUMBERS.includes(key) ? -1 : 1; // errors: the largest first
      sort = sort.key !== key ? { key, sign: first } : sort.sign === first ? { key, sign: -first } : { key: "order", sign: 1 };
      order();
      show(0);
    });
  }
  form.addEventListener("input", ask);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(ask));
  document.getElementById("previous").addEventListener("click", () => show(page - 1));
  document.getElementById("next").addEventListener("click", () => show(page + 1));
  window.addEventListener("hashchange", follow);
  follow();
}
