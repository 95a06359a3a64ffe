// Before anything is painted: the theme that was chosen here earlier (the system's choice needs no script), and that
// scripts run, so that what they will show has its place from the start and nothing moves.
document.documentElement.dataset["scripts"] = "";
try {
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset["theme"] = chosen;
} catch {
  // Storage is switched off: the system decides.
}
