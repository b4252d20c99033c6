// The film of a recording: how far it is, and saving it.

import { fetched } from "./fetched.js";

const LOOK_MS = 1500, part = document.getElementById("film");
const fresh = document.createElement("template");

const said = () => document.getElementById("film-state");
const going = () => ["waiting", "making"].includes(said().dataset.state);

async function look() {
  if (!going()) return;
  if (document.visibilityState === "visible") {
    const answer = await fetch(part.dataset.filmPart, { headers: { accept: "text/html" } }).catch(() => null);
    if (answer && (answer.status === 401 || answer.redirected)) return;
    if (answer?.ok) shown(await answer.text());
  }
  setTimeout(look, LOOK_MS);
}

function shown(text) { // our own page, escaped by the server
  fresh.innerHTML = text;
  const now = fresh.content.getElementById("film-state"), before = said();
  const changed = now.dataset.state !== before.dataset.state;
  if (changed) { // the words stay the same element, or screen readers would not say them
    for (const one of [...part.children]) if (one !== before && one.id !== "film-title") one.remove();
    while (now.nextSibling) part.append(now.nextSibling);
  } else {
    const bar = part.querySelector("progress"), made = fresh.content.querySelector("progress");
    if (bar && made) bar.value = made.value;
  }
  if (before.textContent !== now.textContent) before.textContent = now.textContent;
  before.dataset.state = now.dataset.state;
}

part.addEventListener("click", async ({ target }) => {
  const button = target.closest("button[data-film]");
  if (!button) return;
  const answer = await fetch(`/api/v1/films/${button.dataset.film}/ticket`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-csrf-token": document.querySelector("meta[name=csrf]").content },
    body: JSON.stringify({ part: button.dataset.part }),
  }).catch(() => null);
  if (answer?.ok) fetched(await answer.json(), "_self");
  else said().textContent = (await answer?.json().catch(() => null))?.detail || "It cannot be had just now. Try again.";
});

look();
