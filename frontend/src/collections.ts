// A list answers while you type, tick and sort; without this module its form works as a form.
import { live } from "./parts/results";

const form = document.querySelector<HTMLFormElement>("form[data-live]");
if (form) {
  let focused = "";
  let open: string[] = [];
  form.addEventListener("focusin", (event) => {
    const field = event.target;
    if (!(field instanceof HTMLInputElement) || !field.closest("#results")) focused = "";
    else focused = field.type === "checkbox" ? `[name="${field.name}"][value="${CSS.escape(field.value)}"]` : `#${field.id}`;
  });
  const unfolded = (): string[] =>
    [...form.querySelectorAll("details[open]")].map((d) => d.querySelector("input")?.name ?? "");
  form.addEventListener("change", () => (open = unfolded()), { capture: true });
  live(form, {
    replace: "#results",
    after: () => {
      for (const name of open) {
        const details = form.querySelector(`details:has([name="${name}"])`);
        if (details instanceof HTMLDetailsElement) details.open = true;
      }
      if (focused) form.querySelector<HTMLInputElement>(focused)?.focus();
    },
  });
  const field = form.querySelector<HTMLInputElement>("#q");
  let timer: number | undefined;
  field?.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => form.dispatchEvent(new Event("change")), 180);
  });
}
