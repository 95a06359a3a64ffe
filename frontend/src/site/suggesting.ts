// Suggestions under every search field (ARIA combobox with a list; https://www.w3.org/WAI/ARIA/apg/patterns/combobox/).
// Enter without a choice searches as ever; Escape closes; arrows choose; a choice leads to the page of the thing.
interface Told {
  results: { page: string; name: string; matched: string | null; language: string | null; country: { name: string }[] }[];
}

const SOON = 120;

export function suggesting(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form.search[role=search]")) {
    const field = form.querySelector<HTMLInputElement>("input[type=search]");
    if (field) attach(form, field);
  }
}

function attach(form: HTMLFormElement, field: HTMLInputElement): void {
  const id = `suggestions-${Math.random().toString(36).slice(2, 8)}`;
  const box = document.createElement("div");
  box.className = "suggesting";
  field.replaceWith(box);
  const list = document.createElement("ul");
  list.className = "suggestions";
  list.id = id;
  list.role = "listbox";
  list.setAttribute("aria-label", field.getAttribute("aria-label") ?? "");
  list.hidden = true;
  box.append(field, list);
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", id);
  field.setAttribute("aria-expanded", "false");

  const root = form.action.split("?")[0]!.replace(/search$/, "");
  const language = new FormData(form).get("lang");
  let under: AbortController | undefined;
  let timer: number | undefined;
  let chosen = -1;
  let targets: string[] = [];

  const choose = (next: number): void => {
    chosen = next;
    list.childNodes.forEach((node, i) => (node as HTMLElement).setAttribute("aria-selected", String(i === chosen)));
    if (chosen < 0) field.removeAttribute("aria-activedescendant");
    else field.setAttribute("aria-activedescendant", `${id}-${chosen}`);
  };
  const close = (): void => {
    under?.abort();
    clearTimeout(timer);
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    choose(-1);
  };
  const show = (told: Told): void => {
    targets = told.results.map((found) => root + found.page + (language ? `?lang=${language}` : ""));
    list.replaceChildren(
      ...told.results.map((found, i) => {
        const item = document.createElement("li");
        item.id = `${id}-${i}`;
        item.role = "option";
        const name = document.createElement("span");
        name.textContent = found.matched ? `${found.name} (${found.matched})` : found.name;
        if (found.language) name.lang = found.language;
        const place = document.createElement("span");
        place.className = "small dim";
        place.textContent = found.country.map((c) => c.name).slice(0, 2).join(", ");
        item.append(name, place);
        item.addEventListener("pointerdown", (event) => {
          event.preventDefault();
          location.assign(targets[i]!);
        });
        return item;
      }),
    );
    list.hidden = targets.length === 0;
    field.setAttribute("aria-expanded", String(!list.hidden));
    choose(-1);
  };
  const ask = async (): Promise<void> => {
    under?.abort();
    if (field.value.trim().length < 2) return close();
    under = new AbortController();
    const query = new URLSearchParams({ q: field.value, limit: "7" });
    if (typeof language === "string") query.set("lang", language);
    try {
      const answer = await fetch(`${form.action.split("?")[0]}.json?${query}`, { signal: under.signal });
      if (answer.ok && document.activeElement === field) show((await answer.json()) as Told);
    } catch {
      // nothing to suggest: the form still searches
    }
  };
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), SOON);
  });
  field.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      choose(((chosen + 1 + step + targets.length + 1) % (targets.length + 1)) - 1);
    } else if (event.key === "Escape") {
      event.preventDefault();
      close();
    } else if (event.key === "Enter" && chosen >= 0) {
      event.preventDefault();
      location.assign(targets[chosen]!);
    }
  });
  field.addEventListener("blur", close);
}
