// The cover over a tab nobody touched for a while: nothing of the portal is left in sight until its holder shows who she is.

import { forget, post } from "./beside.js";
import { closePaper } from "./paper.js";

const $ = (id) => document.getElementById(id);
const stage = $("stage"), cover = $("cover");
const BESIDE = ["remote-tabs", "files", "copied-fields", "find-bar", "mirror", "ending"];
let was = new Map(), open = () => {};

/** Covers; `resume` is called with the tab's newest state once she has unlocked it. */
export function hide(words, resume) {
  open = resume;
  if (cover.hidden) was = new Map(BESIDE.map((id) => [id, $(id).hidden]));
  for (const id of BESIDE) $(id).hidden = true;
  for (const box of document.querySelectorAll("dialog[open]")) { box.onclose = null; box.close(); } // asked again afterwards
  stage.querySelectorAll(".remote-list, .remote-picker, .remote-menu").forEach((part) => part.remove());
  const canvas = stage.querySelector("canvas");
  if (canvas) { canvas.width = canvas.height = 1; canvas.title = ""; canvas.hidden = true; }
  forget();
  closePaper();
  $("waiting").hidden = true;
  document.title = `Covered · ${stage.dataset.portal} · Portunus`;
  $("cover-words").textContent = words;
  $("cover-wrong").hidden = true;
  $("cover-value").value = "";
  cover.hidden = false;
  $("cover-value").focus();
}

export const hidden = () => !cover.hidden;

$("cover-form").onsubmit = async (event) => {
  event.preventDefault();
  const button = event.submitter, value = $("cover-value").value;
  button.disabled = true;
  const answer = await post("/unlock", JSON.stringify({ value })).catch(() => null);
  button.disabled = false;
  const told = await answer?.json().catch(() => null);
  $("cover-value").value = "";
  if (!answer?.ok) {
    $("cover-wrong").textContent = told?.detail || "No connection. Try again.";
    $("cover-wrong").hidden = false;
    $("cover-value").focus();
    return;
  }
  cover.hidden = true;
  for (const [id, hidden] of was) $(id).hidden = hidden;
  const canvas = stage.querySelector("canvas");
  if (canvas) canvas.hidden = false;
  open(told);
};
