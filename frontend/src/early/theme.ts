// Before anything is painted: the theme that was chosen here earlier. The system's choice needs no script.
try {
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset["theme"] = chosen;
} catch {
  // Storage is switched off: the system decides.
}
