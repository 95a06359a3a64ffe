// The query library beside the editor: found by words, filled in as a form, put into the editor.
import { say } from "../parts/words";
import { Refused, type Problem } from "./answers";
import { address, given, make } from "./page";

interface Parameter {
  name: string;
  type: "iri" | "string" | "integer" | "date" | "lang";
  description: string;
  value: string;
  offers: [label: string, value: string][];
}
interface Ready {
  name: string;
  title: string;
  language: string;
  text: string;
  parameters: Parameter[];
}
interface Editor {
  put(text: string): void;
  run(): void;
  complain(problem: Problem): void;
}

const LANGUAGES = ["en", "cs", "sk", "pl", "hu", "de"];

export function library(shelf: HTMLElement, fields: HTMLElement, editor: Editor): { close(): void } {
  const all = [...shelf.querySelectorAll<HTMLAnchorElement>("a[data-name]")];
  const field = document.querySelector<HTMLInputElement>("#find")!;
  const told = document.querySelector<HTMLElement>("#found")!;
  field.closest<HTMLElement>(".seeking")!.hidden = false;
  const folds = [...shelf.querySelectorAll("details")];
  field.addEventListener("input", () => {
    const words = fold(field.value).split(/\s+/).filter(Boolean);
    let count = 0;
    for (const link of all) {
      const text = fold(`${link.textContent} ${link.dataset["words"]} ${link.dataset["name"]} ${link.closest("details")!.querySelector("summary")!.textContent}`);
      const fits = words.every((word) => text.includes(word));
      link.closest("li")!.hidden = !fits;
      if (fits) count++;
    }
    folds.forEach((one, at) => {
      // folds of one name are open one at a time; while something is sought, all that fit are
      if (words.length) one.removeAttribute("name");
      else one.setAttribute("name", "topic");
      const some = [...one.querySelectorAll("li")].some((item) => !item.hidden);
      one.hidden = !some;
      one.open = words.length ? some : at === 0;
    });
    told.textContent = !words.length ? "" : count === 0 ? say("found.none") : count === 1 ? say("found.one") : say("found", { count });
  });
  shelf.addEventListener("click", (event) => {
    const link = (event.target as Element).closest<HTMLAnchorElement>("a[data-name]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    void open(link.dataset["name"]!, {}).then(() => {
      for (const one of all) one.removeAttribute("aria-current");
      link.setAttribute("aria-current", "true");
      editor.run();
    });
  });

  const open = async (name: string, values: Record<string, string>): Promise<boolean> => {
    try {
      const ready = await load(name, values);
      editor.put(ready.text);
      // the form stays as it is while it is being filled in
      if (fields.dataset["name"] !== name || fields.hidden) form(ready);
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      editor.complain(error.problem);
      for (const input of fields.querySelectorAll<HTMLInputElement>("input, select")) input.toggleAttribute("aria-invalid", false);
      if (error.problem.parameter) {
        const wrong = fields.querySelector<HTMLInputElement>(`[name="${CSS.escape(error.problem.parameter)}"]`);
        wrong?.setAttribute("aria-invalid", "true");
        wrong?.focus();
      }
      return false;
    }
  };

  const form = (ready: Ready): void => {
    fields.dataset["name"] = ready.name;
    fields.hidden = false;
    const inputs = ready.parameters.map((parameter) => input(parameter));
    const about = make("a", { href: address(`queries/${ready.name}`), class: "small" }, say("whole"));
    const heading = make("h2", { id: "fields-title", lang: ready.language !== document.documentElement.lang ? ready.language : false }, ready.title);
    fields.replaceChildren(heading, about);
    if (inputs.length === 0) return;
    const group = make("div", { role: "group", "aria-label": say("parameters"), class: "parameters" }, ...inputs);
    const button = make("button", { class: "button", type: "button" }, say("fill"));
    const fill = (): void => {
      const values: Record<string, string> = {};
      for (const one of group.querySelectorAll<HTMLInputElement | HTMLSelectElement>("[name]")) values[one.name === "lang" ? "value.lang" : one.name] = one.value;
      void open(ready.name, values).then((good) => good && editor.run());
    };
    button.addEventListener("click", fill);
    group.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target instanceof HTMLInputElement) {
        event.preventDefault();
        fill();
      }
    });
    fields.append(group, make("div", { class: "row" }, button));
  };
  return {
    close() {
      fields.hidden = true;
      fields.replaceChildren();
      delete fields.dataset["name"];
    },
  };
}

async function load(name: string, values: Record<string, string>): Promise<Ready> {
  const target = new URL(given.library, location.href);
  target.searchParams.set("name", name);
  for (const [key, value] of Object.entries(values)) if (value) target.searchParams.set(key, value);
  const response = await fetch(target, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Refused((await response.json()) as Problem);
  return (await response.json()) as Ready;
}

function input(parameter: Parameter): HTMLElement {
  const id = `given-${parameter.name}`;
  const hint = make("span", { class: "small dim", id: `${id}-hint`, lang: document.documentElement.lang === "en" ? false : "en" }, parameter.description);
  let field: HTMLElement;
  if (parameter.type === "lang" || parameter.offers.length > 0) {
    const select = make("select", { id, name: parameter.name, "aria-describedby": hint.id });
    const names = new Intl.DisplayNames([document.documentElement.lang], { type: "language" });
    const options: [string, string][] = parameter.type === "lang" ? LANGUAGES.map((code) => [names.of(code) ?? code, code]) : [[say("any"), ""], ...parameter.offers];
    for (const [text, value] of options) select.append(make("option", { value, selected: value === parameter.value }, text));
    field = select;
  } else {
    field = make("input", {
      id,
      name: parameter.name,
      value: parameter.value,
      type: parameter.type === "date" ? "date" : "text",
      inputmode: parameter.type === "integer" ? "numeric" : false,
      autocomplete: "off",
      "aria-describedby": hint.id,
    });
  }
  return make("div", { class: "field" }, make("label", { for: id }, parameter.name), field, hint);
}

function fold(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").replaceAll("ł", "l").toLowerCase();
}
