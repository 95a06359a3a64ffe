// The card of what was clicked: one thing, or the list of those at one place.
import type { Told } from "./data";

export interface Words {
  say: (name: string, values?: Record<string, string | number>) => string;
  precision: (name: string) => string;
}

const MOST = 12;

export function card(all: Told[], address: (page: string) => string, words: Words, close: () => void): HTMLElement {
  const box = element("section", "map-card");
  box.setAttribute("aria-live", "polite");
  const shut = element("button", "shut", "×");
  shut.setAttribute("type", "button");
  shut.setAttribute("aria-label", words.say("close"));
  shut.addEventListener("click", close);
  const [one] = all;
  if (all.length === 1 && one) box.append(...single(one, address, words));
  else {
    box.append(element("h2", "", words.say("several", { n: all.length })));
    const list = element("ul", "");
    for (const told of all.slice(0, MOST)) {
      const item = element("li", "");
      item.append(dot(told.family), link(told, address));
      list.append(item);
    }
    box.append(list);
    if (all.length > MOST) box.append(element("p", "small dim", words.say("more", { n: all.length - MOST })));
  }
  box.append(shut);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
  return box;
}

function single(told: Told, address: (page: string) => string, words: Words): HTMLElement[] {
  const title = element("h2", "");
  title.append(link(told, address));
  const where = [told.place, ...told.countries].filter(Boolean).join(", ");
  const vague = told.precision && told.precision !== "seat" ? ` (${words.precision(told.precision)})` : "";
  const made = [element("p", "small dim", words.say(told.kind)), title, element("p", "small", where + vague)];
  if (told.sectors.length > 0) {
    const chips = element("ul", "chips");
    for (const sector of told.sectors.slice(0, 4)) {
      const item = element("li", "chip");
      item.append(dot(told.family), sector);
      chips.append(item);
    }
    made.push(chips);
  }
  const more = element("a", "button", words.say("open"));
  more.setAttribute("href", address(told.page));
  made.push(more);
  return made;
}

function link(told: Told, address: (page: string) => string): HTMLElement {
  const made = element("a", "", told.name);
  made.setAttribute("href", address(told.page));
  return made;
}

function dot(family: string): HTMLElement {
  return element("span", `dot f-${family}`);
}

function element(name: string, classes: string, text = ""): HTMLElement {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  made.textContent = text;
  return made;
}
