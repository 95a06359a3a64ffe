// Buttons over a drawing.
export function control(buttons: [sign: string, name: string, act: () => void][]): HTMLElement {
  const group = document.createElement("div");
  group.className = "net-controls";
  for (const [sign, name, act] of buttons) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "tool";
    button.textContent = sign;
    button.title = name;
    button.setAttribute("aria-label", name);
    button.addEventListener("click", act);
    group.append(button);
  }
  return group;
}
