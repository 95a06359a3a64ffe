// Rows as a table: sorted by a column, filtered by words, a page at a time.
import { language, number, say } from "../parts/words";
import type { Row, Term } from "./answers";
import { amount, called, learn, shown } from "./labels";
import { make, place } from "./page";

const SIZE = 50;

export function table(columns: string[], rows: Row[]): HTMLElement {
  const root = make("div", { class: "tabular" });
  const collator = new Intl.Collator(language(), { numeric: true, sensitivity: "base" });
  const head = make("tr");
  const body = make("tbody");
  const numeric = new Map(columns.map((column) => [column, rows.some((row) => row[column]) && rows.every((row) => !row[column] || amount(row[column]) !== undefined)]));
  const note = make("p", { class: "small dim", role: "status" });
  const pages = make("nav", { class: "pages", "aria-label": say("of", { column: say("table") }), hidden: true });
  let order: { column: string; down: boolean } | undefined;
  let words = "";
  let from = 0;

  const buttons = columns.map((column) => {
    const button = make("button", { type: "button", class: "sort", title: say("sort", { column }) }, column);
    button.addEventListener("click", () => {
      order = order?.column !== column ? { column, down: false } : order.down ? undefined : { column, down: true };
      from = 0;
      void draw();
    });
    head.append(make("th", { scope: "col", class: numeric.get(column) ? "number" : "" }, button));
    return button;
  });

  const chosen = (): Row[] => {
    const sought = fold(words).split(/\s+/).filter(Boolean);
    const found = sought.length
      ? rows.filter((row) => {
          const text = fold(columns.map((column) => shown(row[column])).join(" "));
          return sought.every((word) => text.includes(word));
        })
      : [...rows];
    if (order) {
      const { column, down } = order;
      found.sort((a, b) => (down ? -1 : 1) * compare(a[column], b[column]));
    }
    return found;
  };
  const compare = (a: Term | undefined, b: Term | undefined): number => {
    if (!a || !b) return Number(Boolean(b)) - Number(Boolean(a));
    const [x, y] = [amount(a), amount(b)];
    return x !== undefined && y !== undefined ? x - y : collator.compare(shown(a), shown(b));
  };

  let turn = 0;
  const draw = async (): Promise<void> => {
    // to put rows in order, or to find words in them, the names of all are wanted
    const mine = ++turn;
    await learn(order || words ? rows : rows.slice(from, from + SIZE));
    if (mine !== turn) return;
    const found = chosen();
    from = Math.min(from, Math.max(0, Math.floor((found.length - 1) / SIZE) * SIZE));
    const to = Math.min(from + SIZE, found.length);
    buttons.forEach((button, place) => {
      const cell = button.parentElement!;
      const mine = order?.column === columns[place];
      if (mine) cell.setAttribute("aria-sort", order!.down ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    });
    body.replaceChildren(...found.slice(from, to).map((row) => make("tr", {}, ...columns.map((column) => cell(row[column], column, numeric.get(column))))));
    note.textContent = words ? say("filtered", { shown: number(found.length), all: number(rows.length) }) : "";
    pages.hidden = found.length <= SIZE;
    pages.replaceChildren(
      step(say("previous"), from > 0, -SIZE),
      make("span", {}, say("page", { from: number(from + 1), to: number(to), all: number(found.length) })),
      step(say("next"), to < found.length, SIZE),
    );
  };
  const step = (text: string, possible: boolean, by: number): HTMLElement => {
    const button = make("button", { class: "button", type: "button", disabled: !possible }, text);
    button.addEventListener("click", async () => {
      from += by;
      await draw();
      pages.querySelectorAll<HTMLButtonElement>("button:enabled")[by > 0 ? pages.querySelectorAll("button:enabled").length - 1 : 0]?.focus();
    });
    return button;
  };

  if (rows.length > 5) {
    const field = make("input", { type: "search", autocomplete: "off" });
    let timer: number | undefined;
    field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        words = field.value;
        from = 0;
        void draw();
      }, 120);
    });
    root.append(make("div", { class: "row narrow" }, make("label", { class: "choice" }, make("span", {}, say("filter")), field), note));
  }
  const sheet = make("table", {}, make("thead", {}, head), body);
  root.append(make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": say("of", { column: say("table") }) }, sheet), pages);
  void draw();
  return root;
}

function cell(term: Term | undefined, column: string, numeric: boolean | undefined): HTMLElement {
  const made = make("td", { "data-label": column, class: numeric ? "number" : "" });
  if (!term) return made;
  if (term.type === "uri") {
    const name = called(term.value);
    const href = place(term.value);
    const attributes = { lang: name.language && name.language !== language() ? name.language : false, title: term.value };
    made.append(href ? make("a", { href, ...attributes }, name.text) : make("span", attributes, name.text));
    return made;
  }
  const value = amount(term);
  if (value !== undefined && !term.datatype!.endsWith("gYear")) made.append(make("span", { title: term.value }, value.toLocaleString(language() === "en" ? "en-GB" : language(), { maximumFractionDigits: 20 })));
  else {
    const spoken = term["xml:lang"];
    made.append(make("span", { lang: spoken && spoken !== language() ? spoken : false, dir: "auto" }, term.value));
    if (spoken) made.append(" ", make("abbr", { class: "tag", title: new Intl.DisplayNames([language()], { type: "language" }).of(spoken) ?? spoken }, spoken));
  }
  return made;
}

function fold(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").replaceAll("ł", "l").toLowerCase();
}
