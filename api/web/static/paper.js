// Files that the portal hands out: saved, or read inside the tab, where the person's own browser shows, searches and prints them.

import { fetched } from "./fetched.js";

const $ = (id) => document.getElementById(id);
const paper = $("paper");
const READABLE = ["application/pdf", "image/png", "image/jpeg", "image/gif"];

/** The row that offers a file. `ticket` fetches the right to have it once; `away` puts the row away. */
export function offered({ id, name, kind, bytes, warning, printed }, { button, away, ticket, say, back }) {
  const size = bytes < 1024 ? `${bytes} bytes` : `${Math.ceil(bytes / 1024)} KB`;
  const row = document.createElement("li"), words = document.createElement("span");
  const quiet = (label, act, ariaLabel) => button(label, act, { className: "button button-quiet", ariaLabel });
  words.textContent = printed ? "The page as a PDF" : `${name} (${size})`;
  if (warning) words.append(Object.assign(document.createElement("strong"), { className: "warning", textContent: ` ${warning}` }));
  const had = async (inline, show) => {
    const answer = await ticket(inline).catch(() => null);
    if (!answer?.ok) return say("The file cannot be had just now. Try again.");
    const asked = await answer.json();
    fetched(asked, asked.inline ? show() : "_self");
  };
  const window_ = () => had(true, () => "_blank");
  row.dataset.file = id;
  row.append(words, quiet("Save", () => had(false), `Save ${name}`));
  if (READABLE.includes(kind)) row.append(quiet(printed ? "Open to print" : "Open", () => had(true, () => frame(printed ? "The page as a PDF" : name, window_, back)), `Open ${name}`));
  row.append(button("×", away, { className: "close-tab", ariaLabel: `Put ${name} away` }));
  return row;
}

/** Shows nothing of the portal's files any more. */
export function closePaper() {
  if (paper.hidden) return;
  paper.querySelector("iframe")?.remove();
  paper.hidden = true;
  dispatchEvent(new Event("resize")); // the picture has its place again
}

/** An empty frame in the picture's place; its name is where the file is to be posted. */
function frame(name, apart, back) {
  closePaper();
  paper.append(Object.assign(document.createElement("iframe"), { name: "paper", title: name }));
  $("paper-name").textContent = name;
  $("paper-apart").onclick = () => { closePaper(); apart(); back(); };
  $("paper-close").onclick = () => { closePaper(); back(); };
  paper.onkeydown = (event) => { if (event.key === "Escape") { closePaper(); back(); } };
  paper.hidden = false;
  $("paper-close").focus();
  return "paper";
}
