// What stands beside the remote tab's picture: its tabs, dialogs, lists, pickers, files, find. Each answers through `send`.

import { complaint, suggest } from "./atfield.js";
import { size } from "./draw.js";
import { menu } from "./menu.js";
import { forget as unmirror, open as mirrorIn, reflect } from "./mirror.js";
import { offered } from "./paper.js";

const $ = (id) => document.getElementById(id);
const stage = $("stage"), lease = stage.dataset.leaseId;
const csrf = document.querySelector("meta[name=csrf]").content;
let mirrored = false;
const NO_ICON = new URL("./icon.svg", import.meta.url).pathname;
let send = () => {}, say = () => {}, shown = null;

/** `to` sends to the host, `words` shows a line in the bar. */
export function start(to, words) { send = to; say = words; }
export const post = (path, body) => fetch(`/api/v1/tabs/${lease}${path}`, { method: "POST", headers: { "x-csrf-token": csrf, "content-type": "application/json" }, body });
export const back = () => stage.querySelector("textarea")?.focus({ preventScroll: true });

/** Events of the host by their name; true when this file knows it. */
export function heard(event) {
  const known = { joined, tabs, dialog, select, picker, download, upload, copied, found, zoom, tree, cursor, tip, focus, auth, menu: opened, blocked_file: blocked, invalid: (told) => complaint(stage, stand, told), suggest: (told) => suggest(stage, stand, told, { send, say }), notice: ({ words }) => say(words), watched: ({ by }) => dispatchEvent(new CustomEvent("portunus:watched", { detail: by })) }[event.e];
  known?.(event);
  return Boolean(known);
}

const button = (words, act, more = {}) => Object.assign(document.createElement("button"), { type: "button", textContent: words, onclick: act, ...more });
const over = () => { const canvas = stage.querySelector("canvas"), box = canvas.getBoundingClientRect(); return { canvas, scale: box.width / size(canvas).w }; };
function stand(one, { x, y, w, h }, below) {
  const { scale } = over();
  one.style.left = `${x * scale}px`;
  one.style.top = `${(below ? y + h : y) * scale}px`;
  one.style.minWidth = `${w * scale}px`;
  if (!below) one.style.height = `${h * scale}px`;
}

/** Keeps nothing of the portal in sight: its tabs' names, the words of its page. */
export function forget() {
  shown = null;
  complaint(stage, stand, { v: "" });
  suggest(stage, stand, { options: [] }, {});
  $("remote-tabs").replaceChildren();
  unmirror();
  document.querySelector("link[rel=icon]").href = NO_ICON;
}

// --- tabs

function tabs({ tabs: all, active }) {
  shown = { all, active };
  const bar = $("remote-tabs");
  bar.replaceChildren(...all.map((tab) => {
    const box = document.createElement("span"), icon = document.createElement("img"), words = document.createElement("span");
    const name = button("", () => send({ t: "tab", n: tab.n }), { title: `${tab.title}\n${tab.host}${tab.path}` });
    words.className = "tab-title";
    words.textContent = tab.title;
    name.setAttribute("role", "tab");
    name.setAttribute("aria-selected", String(tab.n === active));
    icon.alt = "";
    icon.src = tab.icon || NO_ICON;
    icon.width = icon.height = 16;
    name.append(icon, words);
    box.append(name);
    box.setAttribute("role", "presentation");
    if (all.length > 1) box.append(button("×", () => send({ t: "close", n: tab.n }), { className: "close-tab", ariaLabel: `Close ${tab.title}` }));
    return box;
  }));
  const front = all.find((tab) => tab.n === active);
  if (!front) return;
  document.title = `${front.title} · ${stage.dataset.portal} · Portunus`;
  document.querySelector("link[rel=icon]").href = front.icon || NO_ICON;
}

/** The next remote tab to the right (1) or the left (-1). */
export function turn(step) {
  if (!shown) return;
  const { all, active } = shown, at = all.findIndex((tab) => tab.n === active);
  send({ t: "tab", n: all[(at + step + all.length) % all.length].n });
}

// --- questions

function dialog({ kind, words, default: value }) {
  const box = $("remote-dialog"), input = $("remote-dialog-value");
  $("remote-dialog-words").textContent = kind === "beforeunload" ? "Leave this page? What you typed may be lost." : words;
  $("remote-dialog-label").hidden = kind !== "prompt";
  $("remote-dialog-cancel").hidden = kind === "alert";
  input.value = value || "";
  box.onclose = () => { send({ t: "dialog", ok: box.returnValue === "ok", v: input.value }); back(); };
  box.returnValue = "";
  if (!box.open) box.showModal();
}

/** A server behind the portal wants a name and a password: hers alone, asked each time, kept nowhere. */
function auth({ host, realm, again }) {
  const box = $("remote-auth"), name = $("remote-auth-name"), secret = $("remote-auth-password");
  $("remote-auth-words").textContent = `${again ? "That was not right. " : ""}${host} asks for a name and a password${realm ? ` for “${realm}”` : ""}.`;
  if (!again) name.value = "";
  secret.value = "";
  box.onclose = () => {
    send(box.returnValue === "ok" ? { t: "auth", name: name.value, password: secret.value } : { t: "auth", name: null });
    secret.value = "";
    back();
  };
  box.returnValue = "";
  if (!box.open) box.showModal();
}

/** A key pressed for her, with Control held. */
function press(key, code, kc) { for (const k of ["down", "up"]) send({ t: "key", k, key, code, kc, m: 2 }); }
export const nav = (to) => send({ t: "nav", to });
function opened(event) { menu(stage, over().scale, event, { say, back, nav, press, send, find: openFind, print: () => send({ t: "print" }) }); }

function select({ n, label, index, options, ...place }) {
  const list = document.createElement("ul");
  list.className = "remote-list";
  list.tabIndex = 0;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", label || "List");
  stand(list, place, true);
  let at = index, finished = false, typed = "", typedAt = 0;
  const done = (i) => {
    if (finished) return;
    finished = true;
    list.remove();
    send({ t: "select", n, i });
    back();
  };
  const items = options.map(([text, disabled], i) => {
    const item = document.createElement("li");
    item.id = `remote-option-${i}`;
    item.setAttribute("role", "option");
    if (disabled) item.setAttribute("aria-disabled", "true");
    item.textContent = text;
    item.onpointerdown = (event) => { event.preventDefault(); if (!disabled) done(i); };
    list.append(item);
    return item;
  });
  const mark = (i) => {
    items[at]?.setAttribute("aria-selected", "false");
    at = Math.max(0, Math.min(items.length - 1, i));
    items[at]?.setAttribute("aria-selected", "true");
    items[at]?.scrollIntoView({ block: "nearest" });
    list.setAttribute("aria-activedescendant", items[at]?.id || "");
  };
  list.onkeydown = (event) => {
    const steps = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1, PageDown: at + 10, PageUp: at - 10 };
    if (event.key in steps) mark(steps[event.key]);
    else if (event.key === "Enter" || event.key === " ") { if (!options[at]?.[1]) done(at); }
    else if (event.key === "Escape" || event.key === "Tab") done(null);
    else if (event.key.length === 1) {
      typed = event.timeStamp - typedAt < 800 ? typed + event.key.toLowerCase() : event.key.toLowerCase();
      typedAt = event.timeStamp;
      const found = options.findIndex(([text]) => text.toLowerCase().startsWith(typed));
      if (found >= 0) mark(found);
    }
    event.preventDefault();
  };
  list.onblur = () => done(null);
  stage.append(list);
  mark(index);
  list.focus({ preventScroll: true });
}

/** Dates, times and colours: the person's own browser shows its own picker over the field. */
function picker({ n, kind, label, value, min, max, step, ...place }) {
  const input = document.createElement("input");
  input.type = kind;
  input.className = "remote-picker";
  input.setAttribute("aria-label", label || kind);
  Object.assign(input, { min, max, step });
  input.value = value;
  stand(input, place, false);
  let finished = false;
  const done = (v) => {
    if (finished) return;
    finished = true;
    input.remove();
    send({ t: "pick", n, v });
    back();
  };
  input.onkeydown = (event) => {
    if (event.key === "Escape") done(null);
    if (event.key === "Enter") { done(input.value); event.preventDefault(); }
  };
  input.onblur = () => done(input.value === value ? null : input.value);
  let typed = false;
  input.addEventListener("keydown", () => { typed = true; });
  input.onchange = () => { if (!typed) done(input.value); }; // picked with the mouse: nothing more to say
  stage.append(input);
  input.focus({ preventScroll: true });
  try { input.showPicker(); } catch { /* a browser that wants another click shows the field alone */ }
}

// --- files

function download(file) {
  if ([...$("files").children].some((item) => item.dataset.file === file.id)) return;
  const away = () => { row.remove(); $("files").hidden = !$("files").children.length; back(); };
  const row = offered(file, { button, away, ticket: (inline) => post(`/files/${file.id}/ticket`, JSON.stringify({ inline })), say: (words) => say(words), back });
  $("files").prepend(row);
  $("files").hidden = false;
  say(file.printed ? "The page is ready to print." : `The portal handed out ${file.name}.`);
}

/** A file that the portal sent by itself was not taken; she may be waiting for one. */
function blocked() {
  $("files").querySelector(".blocked-file")?.remove();
  const row = document.createElement("li"), away = () => { row.remove(); $("files").hidden = !$("files").children.length; back(); };
  row.className = "blocked-file";
  row.append(Object.assign(document.createElement("span"), { textContent: "The portal sent a file by itself. It was not taken." }));
  row.append(button("Let one come for two minutes", () => { send({ t: "let" }); away(); }, { className: "button button-quiet" }));
  row.append(button("×", away, { className: "close-tab", ariaLabel: "Put this away" }));
  $("files").prepend(row);
  $("files").hidden = false;
}

async function uploaded(files) {
  const ids = [];
  for (const file of files) {
    say(`Handing ${file.name} to the portal …`);
    const answer = await fetch(`/api/v1/tabs/${lease}/uploads`, { method: "POST", headers: { "x-csrf-token": csrf, "x-file-name": encodeURIComponent(file.name), "content-type": "application/octet-stream" }, body: file }).catch(() => null);
    if (!answer?.ok) { say((await answer?.json().catch(() => null))?.detail || `${file.name} could not be handed over. Try again.`); return []; }
    ids.push((await answer.json()).id);
  }
  say(ids.length ? "Handed to the portal." : "");
  return ids;
}

function upload({ multiple }) {
  const box = $("remote-upload"), input = $("remote-upload-files");
  input.multiple = multiple;
  input.value = "";
  box.onclose = async () => { send({ t: "files", ids: box.returnValue === "ok" ? await uploaded(input.files) : [] }); back(); };
  box.returnValue = "";
  if (!box.open) box.showModal();
}

/** Files dropped on the picture go to what stands there in the portal. */
export function takeDrops(point) {
  stage.addEventListener("dragover", (event) => event.preventDefault());
  stage.addEventListener("drop", async (event) => {
    event.preventDefault();
    const at = point(event), ids = await uploaded(event.dataTransfer.files);
    if (ids.length) send({ t: "drop", ids, ...at });
  });
}

// --- words

function copied({ v, of }) {
  const done = of ? `Copied the first ${v.length.toLocaleString("en")} of ${of.toLocaleString("en")} characters. Copy the rest by itself.` : "Copied.";
  const refused = () => { say("Your browser did not allow copying by itself: press Copy."); fields(v, done); };
  fields(v);
  navigator.clipboard ? navigator.clipboard.writeText(v).then(() => say(done), refused) : say("Your browser does not allow copying here.");
}

/** Member numbers, dates and amounts in what was copied, each to copy alone for the practice's own program. */
function fields(words, all = "") {
  const found = new Map();
  for (const [kind, pattern] of [["Date", /\b(?:\d{1,2}\/\d{1,2}\/\d{4}|\d{4}-\d{2}-\d{2})\b/g], ["Amount", /\$\s?\d[\d,]*(?:\.\d{2})?/g], ["Number", /\b(?=[A-Z0-9-]*\d)[A-Z0-9][A-Z0-9-]{5,19}\b/g]])
    for (const [one] of words.matchAll(pattern)) if (!found.has(one)) found.set(one, kind);
  const bar = $("copied-fields");
  if (words.trim().length < 25) found.clear();
  bar.hidden = !found.size && !all;
  const quiet = { className: "button button-quiet" };
  bar.replaceChildren(...[...found].slice(0, 8).map(([one, kind]) => button(`${kind} ${one}`, () => { navigator.clipboard.writeText(one); say(`Copied ${one}.`); back(); }, quiet)));
  if (all) bar.prepend(button("Copy", () => { navigator.clipboard.writeText(words).then(() => { say(all); fields(words); back(); }, () => {}); }, quiet));
}

/** Turns the page for screen readers on or off. */
export function mirror() {
  mirrored = !mirrored;
  $("mirror-open").setAttribute("aria-pressed", String(mirrored));
  $("mirror").hidden = !mirrored;
  mirrorIn($("mirror"), send);
  send({ t: "mirror", on: mirrored });
  say(mirrored ? "The portal's page is now also here as text, after the picture." : "");
  if (mirrored) $("mirror").focus();
}
function tree(told) { if (mirrored) reflect(told); }
/** Another line to the host: it mirrors only for who asks. */
function joined() { if (mirrored) send({ t: "mirror", on: true }); }

export function openFind() {
  $("find-bar").hidden = false;
  $("find-words").focus();
  $("find-words").select();
}
function closeFind() { $("find-bar").hidden = true; send({ t: "find", v: "", step: 0 }); $("find-count").textContent = ""; back(); }
$("find-words").oninput = () => send({ t: "find", v: $("find-words").value, step: 0 });
$("find-bar").onkeydown = (event) => {
  if (event.key === "Escape") closeFind();
  else if (event.key === "Enter" && event.target === $("find-words")) send({ t: "find", v: $("find-words").value, step: event.shiftKey ? -1 : 1 });
  else return;
  event.preventDefault();
};
$("find-next").onclick = () => send({ t: "find", v: $("find-words").value, step: 1 });
$("find-close").onclick = closeFind;
function found({ n, of }) { $("find-count").textContent = of ? `${n} of ${of}` : $("find-words").value ? "Not on this page" : ""; }

function zoom({ v }) { say(`Zoom ${Math.round(v * 100)} %`); if (shown) for (const tab of shown.all) if (tab.n === shown.active) tab.zoom = v; }
/** Larger (1), smaller (-1), or as the portal made it (0). */
export function zoomBy(step) {
  const now = shown?.all.find((tab) => tab.n === shown.active)?.zoom || 1;
  send({ t: "zoom", v: step ? now * (step > 0 ? 1.15 : 0.87) : 1 });
}

const SHAPES = ["default", "pointer", "text", "wait", "progress", "help", "move", "not-allowed", "grab", "grabbing", "crosshair", "col-resize", "row-resize", "ew-resize", "ns-resize", "nwse-resize", "nesw-resize", "zoom-in", "zoom-out", "cell", "copy", "none"];
function cursor({ v }) { const { canvas } = over(); canvas.style.cursor = SHAPES.includes(v) ? v : "default"; }
function tip({ v }) { const { canvas } = over(); canvas.title = v; }
function focus({ on, mode, ...place }) {
  const textarea = stage.querySelector("textarea");
  if (!textarea) return;
  textarea.inputMode = on ? mode : "none";
  if (on && place.x !== undefined) { const { scale } = over(); textarea.style.left = `${place.x * scale}px`; textarea.style.top = `${(place.y + place.h) * scale}px`; } // where an input method shows its words
}
