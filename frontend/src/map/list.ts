// The list beside the map, in step with it: what is pointed at in one is marked in the other.
import { say } from "../parts/words";

export interface Hooks {
  hover: (page: string) => void;
  show: (page: string) => void;
  inView: () => Set<string> | undefined;
}

export interface List {
  mark: (page: string) => void;
  renew: (page: Document) => void;
  moved: () => void;
  ready: () => void;
}

export function list(box: HTMLElement | null, hooks: Hooks): List {
  const entry = (target: EventTarget | null): HTMLElement | null => (target instanceof Element ? target.closest<HTMLElement>("li[data-page]") : null);
  let only = false;
  let there = false;
  const mark = (page: string): void => {
    for (const item of box?.querySelectorAll<HTMLElement>("li[data-page]") ?? []) {
      const same = page !== "" && item.dataset["page"] === page;
      item.classList.toggle("marked", same);
      if (same) item.scrollIntoView({ block: "nearest" });
    }
  };
  const moved = (): void => {
    const seen = only ? hooks.inView() : undefined;
    let count = 0;
    for (const item of box?.querySelectorAll<HTMLElement>("li[data-page]") ?? []) {
      item.hidden = seen !== undefined && !seen.has(item.dataset["page"] ?? "");
      if (!item.hidden) count += 1;
    }
    const status = box?.querySelector("#count");
    if (seen && status) status.textContent = say("shown", { n: seen.size });
    if (seen && seen.size > count) return;
  };
  const ready = (): void => {
    there = true;
    box?.querySelector(".in-view")?.removeAttribute("hidden");
    for (const button of box?.querySelectorAll<HTMLElement>("button.show") ?? []) button.hidden = false;
    const tick = box?.querySelector<HTMLInputElement>("#only-in-view");
    if (tick) tick.checked = only;
    if (only) moved();
  };
  box?.addEventListener("pointerover", (event) => hooks.hover(entry(event.target)?.dataset["page"] ?? ""));
  box?.addEventListener("focusin", (event) => hooks.hover(entry(event.target)?.dataset["page"] ?? ""));
  box?.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button.show") : null;
    if (button) hooks.show(entry(button)?.dataset["page"] ?? "");
  });
  let whole = "";
  box?.addEventListener("change", (event) => {
    if (!(event.target instanceof HTMLInputElement) || event.target.id !== "only-in-view") return;
    const status = box.querySelector("#count");
    if (event.target.checked) whole = status?.textContent ?? "";
    only = event.target.checked;
    moved();
    if (!only && status) status.textContent = whole;
  });
  return {
    mark,
    moved: () => void (only && moved()),
    ready,
    renew: (page) => {
      const found = page.getElementById("found");
      if (!box || !found) return;
      box.replaceChildren(...found.children);
      whole = box.querySelector("#count")?.textContent ?? "";
      if (there) ready();
    },
  };
}
