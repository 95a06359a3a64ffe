// The network page: the form answers without leaving the page, and the server's drawing can be moved about.
import { live } from "./parts/results";
import { enliven } from "./network/moving";

const form = document.querySelector<HTMLFormElement>("form[data-live]");
const begin = (): void => {
  const frame = document.getElementById("net");
  if (frame) enliven(frame);
};
begin();
if (form) live(form, { replace: "#shown", after: begin });
