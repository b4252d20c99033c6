// A portal tab: waits while Portunus signs in, then shows the stream and carries the person's hands to it.

import { draw, parse, EVENT } from "/static/draw.js";
import { listen } from "/static/keys.js";
import { offer } from "/static/downloads.js";

const $ = (id) => document.getElementById(id);
const stage = $("stage"), lease = stage.dataset.leaseId;
const csrf = document.querySelector("meta[name=csrf]").content;
const status = $("status"), base = location.origin.replace(/^http/, "ws");
let expires = Date.parse(stage.dataset.expires), deadline = stage.dataset.deadline, socket = null, canvas = null, over = false, lost = false, retry = 500;

/** Counters for people who measure (portunus bench) and for tests. */
const counted = (window.portunusViewer = { frames: 0, events: 0, bytes: 0, lastSeq: 0, firstFrameAt: 0, drawnAt: 0 });

const say = (words) => { status.textContent = words; };
const post = (path, body) => fetch(`/api/v1/tabs/${lease}${path}`, { method: "POST", headers: { "x-csrf-token": csrf, "content-type": "application/json" }, body });
const send = (message) => { if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message)); };
const left = (until) => { const s = Math.max(0, Math.round((until - Date.now()) / 1000)); return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`; };

/** Hear how far it is until the tab is ready or has ended; when the line breaks, look once and listen again. */
function wait() {
  const line = new WebSocket(`${base}/tabs/${lease}/progress`);
  let settled = false;
  line.onmessage = ({ data }) => { settled = told(JSON.parse(data)); };
  line.onclose = async () => {
    if (settled || over) return;
    const answer = await fetch(`/api/v1/tabs/${lease}`).catch(() => null);
    if (answer?.ok) { if (told(await answer.json())) return; }
    else if (answer && answer.status < 500) return ended("This tab is gone. Open the portal again.");
    setTimeout(wait, 1000);
  };
}

/** Show a tab's state; whether it is settled, which goes on by itself. */
function told(tab) {
  $("waiting-words").textContent = tab.words;
  if (status.textContent !== tab.words && !lost) say(tab.words);
  deadline = tab.state === "needs_code" ? tab.deadline : "";
  document.title = `${tab.state === "needs_code" ? "Code needed · " : ""}${tab.portal} · Portunus`;
  expires = Date.parse(tab.expires_at);
  if (tab.state === "ready") connect();
  if (tab.state === "ended") ended(tab.words);
  return tab.state === "ready" || tab.state === "ended";
}

async function connect() {
  const answer = await post("/ticket").catch(() => null);
  if (!answer) return again("No connection. Trying again …");
  if (!answer.ok) return ended((await answer.json().catch(() => ({}))).detail || "This tab has ended.");
  const { ticket } = await answer.json();
  socket = new WebSocket(`${base}/tabs/${lease}/stream`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => socket.send(JSON.stringify({ ticket }));
  let queue = Promise.resolve();
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") { const told = JSON.parse(data); if (told.e === "ended") (told.again ? say : ended)(told.words); return; }
    counted.bytes += data.byteLength;
    queue = queue.then(() => show(data)).catch(() => {});
  };
  socket.onclose = () => { if (!over) again("The connection was lost. Trying again …"); };
}

function again(words) {
  lost = Boolean(canvas);
  say(words);
  setTimeout(wait, retry);
  retry = Math.min(retry * 2, 5000);
}

async function show(data) {
  const message = parse(data);
  counted.lastSeq = message.seq;
  if (message.kind === EVENT) { counted.events++; heard(message.event); }
  else {
    if (!canvas) prepare();
    await draw(canvas.getContext("2d", { alpha: false }), message);
    counted.frames++;
    counted.drawnAt = performance.now();
    counted.firstFrameAt ||= counted.drawnAt;
    retry = 500;
    if (lost) { lost = false; say("Connected again. Everything here is recorded under your name."); }
  }
  send({ t: "ack" });
}

function prepare() {
  $("waiting").hidden = true;
  canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${stage.dataset.portal}, remote tab`);
  const textarea = document.createElement("textarea");
  textarea.setAttribute("aria-label", `Keyboard input for ${stage.dataset.portal}`);
  textarea.autocapitalize = "off";
  textarea.spellcheck = false;
  stage.append(canvas, textarea);
  listen(canvas, textarea, stage, send, () => $("end").focus());
  textarea.focus({ preventScroll: true });
  say("Signed in. Everything here is recorded under your name.");
}

function heard(event) {
  if (event.e === "tabs") tabs(event);
  else if (event.e === "notice") say(event.words);
  else if (event.e === "dialog") dialog(event);
  else if (event.e === "select") choose(event);
  else if (event.e === "download") { offer(lease, event); say(`The portal handed out ${event.name}. Save it from the list above the picture.`); }
  else if (event.e === "copied") navigator.clipboard?.writeText(event.v).catch(() => say("The browser did not allow copying."));
}

function tabs({ tabs: all, active }) {
  const bar = $("remote-tabs");
  bar.replaceChildren();
  if (all.length < 2) { bar.hidden = true; } else bar.hidden = false;
  for (const tab of all) {
    const box = document.createElement("span"), name = document.createElement("button");
    name.type = "button";
    name.setAttribute("role", "tab");
    name.setAttribute("aria-selected", String(tab.n === active));
    name.textContent = tab.title;
    name.title = `${tab.host}${tab.path}`;
    name.onclick = () => send({ t: "tab", n: tab.n });
    const close = document.createElement("button");
    close.type = "button";
    close.className = "button button-quiet";
    close.textContent = "×";
    close.setAttribute("aria-label", `Close ${tab.title}`);
    close.onclick = () => send({ t: "close", n: tab.n });
    box.append(name, close);
    bar.append(box);
  }
  const shown = all.find((tab) => tab.n === active);
  if (shown) document.title = `${shown.title} · Portunus`;
}

function dialog({ kind, words, default: value }) {
  const box = $("remote-dialog"), input = $("remote-dialog-value");
  $("remote-dialog-words").textContent = kind === "beforeunload" ? "Leave this page? What you typed may be lost." : words;
  $("remote-dialog-label").hidden = kind !== "prompt";
  $("remote-dialog-cancel").hidden = kind === "alert";
  input.value = value || "";
  box.onclose = () => { send({ t: "dialog", ok: box.returnValue === "ok", v: input.value }); stage.querySelector("textarea")?.focus({ preventScroll: true }); };
  box.returnValue = "";
  box.showModal();
}

function choose({ x, y, w, h, label, index, options }) {
  const scale = canvas.getBoundingClientRect().width / canvas.width;
  const list = document.createElement("ul");
  list.className = "remote-list";
  list.tabIndex = 0;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", label || "List");
  const place = new CSSStyleSheet();
  place.replaceSync(`.remote-list { left: ${x * scale}px; top: ${(y + h) * scale}px; min-width: ${w * scale}px; }`);
  document.adoptedStyleSheets = [place];
  let at = index;
  const items = options.map(([text, disabled], n) => {
    const item = document.createElement("li");
    item.id = `remote-option-${n}`;
    item.setAttribute("role", "option");
    if (disabled) item.setAttribute("aria-disabled", "true");
    item.textContent = text;
    item.onpointerdown = (event) => { event.preventDefault(); if (!disabled) done(n); };
    list.append(item);
    return item;
  });
  const mark = (n) => {
    items[at]?.setAttribute("aria-selected", "false");
    at = Math.max(0, Math.min(items.length - 1, n));
    items[at]?.setAttribute("aria-selected", "true");
    items[at]?.scrollIntoView({ block: "nearest" });
    list.setAttribute("aria-activedescendant", items[at]?.id || "");
  };
  let finished = false;
  const done = (n) => {
    if (finished) return;
    finished = true;
    list.remove();
    send({ t: "select", i: n });
    stage.querySelector("textarea").focus({ preventScroll: true });
  };
  let typed = "", typedAt = 0;
  list.onkeydown = (event) => {
    const steps = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1, PageDown: at + 10, PageUp: at - 10 };
    if (event.key in steps) mark(steps[event.key]);
    else if (event.key === "Enter" || event.key === " ") done(at);
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

function ended(words) {
  over = true;
  socket?.close();
  $("waiting").hidden = false;
  $("after").hidden = false;
  $("waiting-words").textContent = words || "This tab has ended.";
  $("waiting-left").textContent = "";
  stage.querySelectorAll("canvas, textarea, .remote-list").forEach((part) => part.remove());
  say(words || "This tab has ended.");
  $("after").querySelector("button").focus();
}

for (const button of document.querySelectorAll("[data-nav]")) button.onclick = () => { send({ t: "nav", to: button.dataset.nav }); stage.querySelector("textarea")?.focus({ preventScroll: true }); };
$("extend").onclick = async () => { const answer = await post("/extend"); if (answer.ok) { expires = Date.parse((await answer.json()).expires_at); say("You have more time."); } };
setInterval(() => {
  if (over) return;
  const minutes = (expires - Date.now()) / 60000;
  $("time-left").textContent = canvas ? `${left(expires)} left` : "";
  if (canvas && minutes < 1) say("This tab ends in less than a minute. Press More time to go on.");
  $("waiting-left").textContent = !canvas && deadline ? `The code is good for ${left(Date.parse(deadline))}` : "";
}, 1000);
wait();
