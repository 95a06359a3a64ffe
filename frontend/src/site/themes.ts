// The switch of themes: as the system has it, light, dark. Without storage the choice lasts as long as the page.
const ORDER = ["system", "light", "dark"] as const;
type Theme = (typeof ORDER)[number];

function present(): Theme {
  const chosen = document.documentElement.dataset["theme"];
  return chosen === "light" || chosen === "dark" ? chosen : "system";
}

function show(button: HTMLButtonElement): void {
  const theme = present();
  for (const drawing of button.querySelectorAll<SVGElement>("[data-for]")) {
    drawing.toggleAttribute("hidden", drawing.dataset["for"] !== theme);
  }
  const word = button.dataset[theme] ?? theme;
  button.setAttribute("aria-label", word);
  button.title = word;
}

function choose(theme: Theme): void {
  const root = document.documentElement;
  if (theme === "system") delete root.dataset["theme"];
  else root.dataset["theme"] = theme;
  try {
    if (theme === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", theme);
  } catch {
    // Storage is switched off.
  }
  // Charts and maps read colours from the style sheet: they draw again when they hear this.
  document.dispatchEvent(new CustomEvent("themechange"));
}

export function themes(): void {
  const button = document.querySelector<HTMLButtonElement>("#page-theme");
  if (!button) return;
  button.hidden = false;
  show(button);
  button.addEventListener("click", () => {
    choose(ORDER[(ORDER.indexOf(present()) + 1) % ORDER.length] ?? "system");
    show(button);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    if (present() === "system") document.dispatchEvent(new CustomEvent("themechange"));
  });
}
