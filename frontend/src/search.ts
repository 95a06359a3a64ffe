// The search page answers while you type and tick; without this module its form works as a form.
import { live } from "./parts/results";

const form = document.querySelector<HTMLFormElement>("form[data-live]");
if (form) {
  let focused = "";
  form.addEventListener("focusin", (event) => {
    const field = event.target;
    focused = field instanceof HTMLInputElement && field.type === "checkbox" ? `[name="${field.name}"][value="${CSS.escape(field.value)}"]` : "";
  });
  live(form, {
    replace: "#results",
    after: () => {
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
