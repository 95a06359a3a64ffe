// <button data-copy="id of the field"> copies the field's text and says so.
export function copying(): void {
  const buttons = document.querySelectorAll<HTMLButtonElement>("button[data-copy]");
  for (const button of buttons) {
    const field = document.getElementById(button.dataset["copy"] ?? "");
    if (!field || !navigator.clipboard) continue;
    button.hidden = false;
    const status = document.createElement("span");
    status.className = "hidden";
    status.role = "status";
    button.after(status);
    button.addEventListener("click", async () => {
      const text = field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement ? field.value : field.textContent;
      await navigator.clipboard.writeText(text ?? "");
      button.classList.add("done");
      status.textContent = button.dataset["done"] ?? "";
      setTimeout(() => {
        button.classList.remove("done");
        status.textContent = "";
      }, 2500);
    });
  }
}
