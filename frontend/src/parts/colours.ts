// Colours of the style sheet for canvases and charts; listen to "themechange" on document and ask again.
export function colour(token: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${token})`;
  probe.hidden = true;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
