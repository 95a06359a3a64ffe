// The form of the map: answers come without leaving the page; what is open stays open, counts follow.
export interface Hooks {
  changed: (page: Document) => void;
  asked: (query: string, signal: AbortSignal) => Promise<void>;
}

export function filters(form: HTMLFormElement, hooks: Hooks): void {
  let under: AbortController | undefined;
  const ask = async (): Promise<void> => {
    under?.abort();
    under = new AbortController();
    const query = queryOf(form);
    const address = `${form.action.split("?")[0]}${query ? `?${query}` : ""}`;
    const { signal } = under;
    form.setAttribute("aria-busy", "true");
    try {
      const [text] = await Promise.all([
        fetch(address, { headers: { Accept: "text/html" }, signal }).then((answer) => answer.text()),
        hooks.asked(query, signal),
      ]);
      const page = new DOMParser().parseFromString(text, "text/html");
      follow(form, page);
      history.replaceState(null, "", address + location.hash);
      hooks.changed(page);
      form.removeAttribute("aria-busy");
    } catch (error) {
      if (!(error instanceof DOMException && error.name === "AbortError")) location.assign(address);
    }
  };
  let timer: number | undefined;
  const soon = (wait: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), wait);
  };
  form.classList.add("live");
  form.addEventListener("change", (event) => {
    if (event.target instanceof HTMLInputElement && event.target.name === "project") layersOf(form);
    soon(0);
  });
  form.querySelector("#q")?.addEventListener("input", () => soon(200));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    soon(0);
  });
  form.querySelector(".reset")?.addEventListener("click", (event) => {
    event.preventDefault();
    for (const field of form.querySelectorAll<HTMLInputElement>("input")) {
      if (field.type === "checkbox") field.checked = field.name === "layer" && field.value === "clusters";
      else if (field.type === "search") field.value = "";
    }
    soon(0);
  });
  const pickers = [...document.querySelectorAll<HTMLDetailsElement>("details.picker")];
  document.addEventListener("click", (event) => {
    for (const picker of pickers) if (picker.open && event.target instanceof Node && !picker.contains(event.target)) picker.open = false;
  });
  document.addEventListener("keydown", (event) => {
    const open = pickers.find((picker) => picker.open);
    if (event.key !== "Escape" || !open) return;
    open.open = false;
    open.querySelector("summary")?.focus();
  });
}

/** What the form asks, as short as it can be: the usual layer needs no word. */
function queryOf(form: HTMLFormElement): string {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (typeof value === "string" && value !== "") query.append(name, value);
  const layers = query.getAll("layer");
  if (layers.length === (query.has("project") ? 2 : 1) && layers[0] === "clusters") query.delete("layer");
  return query.toString();
}

/** Who chooses a project wants to see all of its partners, and afterwards the cluster organisations again. */
function layersOf(form: HTMLFormElement): void {
  const partners = form.querySelector<HTMLInputElement>('[name="layer"][value="partners"]');
  if (partners) partners.checked = form.querySelector('[name="project"]:checked') !== null;
}

/** Take the counts and the marks of what is chosen from the page that was answered. */
function follow(form: HTMLFormElement, page: Document): void {
  for (const label of form.querySelectorAll<HTMLElement>("[data-count]")) {
    const other = page.querySelector(`[data-count="${CSS.escape(label.dataset["count"] ?? "")}"]`);
    const count = label.querySelector(".n");
    if (count && other) count.textContent = other.querySelector(".n")?.textContent ?? "0";
    label.classList.toggle("none", other?.classList.contains("none") ?? true);
  }
  for (const badge of form.querySelectorAll<HTMLElement>("[data-chosen]")) {
    const other = page.querySelector<HTMLElement>(`[data-chosen="${badge.dataset["chosen"]}"]`);
    badge.textContent = other?.textContent ?? "";
    badge.hidden = other?.hidden ?? true;
  }
  const reset = form.querySelector<HTMLElement>(".reset");
  if (reset) reset.hidden = page.querySelector<HTMLElement>("form.map-filters .reset")?.hidden ?? true;
  for (const selector of [".map-legend", ".map-credits", ".take .picks:not(.embedding)", "#embed-line"]) {
    const here = document.querySelector(selector);
    const there = page.querySelector(selector);
    if (!here || !there) continue;
    if (selector === ".take .picks:not(.embedding)") {
      for (const link of here.querySelectorAll<HTMLAnchorElement>("a[data-format]")) {
        const found = there.querySelector(`a[data-format="${link.dataset["format"]}"]`);
        if (found) link.setAttribute("href", found.getAttribute("href") ?? "");
      }
    } else if (here instanceof HTMLTextAreaElement) here.value = there.textContent ?? "";
    else here.replaceWith(there);
  }
}
