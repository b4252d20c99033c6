// A portal tab: waits while Portunus signs in, then shows the stream and carries the person's hands to it.

import { back, heard, mirror, nav, openFind, post, start, takeDrops, turn, zoomBy } from "./beside.js";
import * as cover from "./cover.js";
import { decode, draw, parse, EVENT, Kept } from "./draw.js";
import { listen } from "./keys.js";
import { closePaper } from "./paper.js";
import { switchPortal } from "./switcher.js";

const $ = (id) => document.getElementById(id);
const stage = $("stage"), lease = stage.dataset.leaseId;
const status = $("status"), base = location.origin.replace(/^http/, "ws");
let expires = Date.parse(stage.dataset.expires), deadline = stage.dataset.deadline, socket = null, canvas = null, over = false, lost = false, retry = 500;

/** Counters for people who measure (portunus bench) and for tests. */
const counted = (window.portunusViewer = { frames: 0, events: 0, bytes: 0, lastSeq: 0, firstFrameAt: 0, drawnAt: 0, room: null, cut: () => socket?.close() });

const say = (words) => { status.textContent = words; };
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
  if (tab.state === "ended") ended(tab.words, tab.down);
  return tab.state === "ready" || tab.state === "ended";
}

async function connect() {
  const line = socket = new WebSocket(`${base}/tabs/${lease}/stream`); // while the ticket is fetched
  const opened = new Promise((resolve) => { line.onopen = resolve; });
  let { ticket } = stage.dataset; // good once: the page of a tab that is ready brings one
  delete stage.dataset.ticket;
  line.binaryType = "arraybuffer";
  const kept = new Kept();
  let queue = Promise.resolve();
  line.onmessage = ({ data }) => {
    if (typeof data === "string") { const told = JSON.parse(data); if (told.e === "ended") (told.locked ? covered : told.again ? say : ended)(told.words); return; }
    counted.bytes += data.byteLength;
    queue = queue.then(() => show(parse(data), kept)).catch(() => {});
  };
  let broken = false;
  line.onclose = () => { broken = true; if (!over && !cover.hidden()) again("The connection was lost. Trying again …"); };
  if (!ticket) {
    const answer = await post("/ticket").catch(() => null);
    if (broken) return; // before the ticket came: it is tried again already
    if (!answer || answer.status >= 500) { line.onclose = null; line.close(); return again("No connection. Trying again …"); }
    if (!answer.ok) {
      const { code, detail } = await answer.json().catch(() => ({}));
      return (code === "tab-locked" ? covered : ended)(detail || "This tab has ended.");
    }
    ({ ticket } = await answer.json());
  }
  await opened;
  line.send(JSON.stringify({ ticket }));
}

function covered(words) {
  socket?.close();
  say("");
  counted.room = null;
  cover.hide(words, () => { say("Unlocked. Everything here is recorded under your name."); lost = Boolean(canvas); connect(); });
}

function again(words) {
  lost = Boolean(canvas);
  say(words);
  setTimeout(wait, retry);
  retry = Math.min(retry * 2, 5000);
}

async function show(message, kept) {
  counted.lastSeq = message.seq;
  if (message.kind === EVENT) { counted.events++; heard(message.event); }
  else {
    const before = canvas, known = kept.take(message); // throws before there is a canvas
    canvas ??= document.createElement("canvas");
    const drawn = draw(canvas.getContext("2d", { alpha: false }), message, decode(message, known));
    if (!before) prepare(); // while the first picture is decoded
    await drawn;
    counted.frames++;
    counted.drawnAt = performance.now();
    counted.firstFrameAt ||= counted.drawnAt;
    retry = 500;
    if (document.hidden && (!before || lost)) away();
    if (lost) { lost = false; counted.room = null; fit(); say("Connected again. Everything here is recorded under your name."); }
  }
  send({ t: "ack" });
}

/** Nobody looks at a tab in the background of her own browser: its pictures wait. */
function away() { if (canvas) send({ t: "away", v: document.hidden }); }
document.addEventListener("visibilitychange", away);

function prepare() {
  $("waiting").hidden = true;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${stage.dataset.portal}, remote tab`);
  const textarea = document.createElement("textarea");
  textarea.setAttribute("aria-label", `Keyboard input for ${stage.dataset.portal}`);
  textarea.autocapitalize = "off";
  textarea.spellcheck = false;
  stage.append(canvas, textarea);
  takeDrops(listen(canvas, textarea, stage, send, { leave: () => $("end").focus(), find: openFind, print: () => send({ t: "print" }), zoom: zoomBy, turn, extend, full, nav, say, menu: () => send({ t: "menu" }), others }));
  textarea.focus({ preventScroll: true });
  fit();
  say("Signed in. Everything here is recorded under your name.");
}

/** Tells the host how large the picture may be here, so that it is drawn pixel for pixel. */
function fit() {
  if (!canvas || !stage.clientWidth) return; // a file is read in its place
  const box = stage.getBoundingClientRect(), below = document.querySelector(".tab-help").offsetHeight + 24;
  const room = { w: Math.floor(stage.clientWidth), h: Math.floor(innerHeight - box.top - scrollY - below) };
  if (room.w === counted.room?.w && room.h === counted.room?.h) return;
  counted.room = room;
  send({ t: "size", ...room });
}
let fitting = 0;
for (const kind of ["resize", "fullscreenchange"]) addEventListener(kind, () => { clearTimeout(fitting); fitting = setTimeout(fit, 120); });

function ended(words, down = false) {
  over = true;
  socket?.close();
  closePaper();
  $("waiting").hidden = false;
  $("after").hidden = false;
  $("fallback").hidden = !down;
  if ($("line")) $("line").hidden = down;
  $("ending").hidden = true;
  $("waiting-words").textContent = words || "This tab has ended.";
  $("waiting-left").textContent = "";
  stage.querySelectorAll("canvas, textarea, .remote-list, .remote-picker, .remote-bubble").forEach((part) => part.remove());
  say(words || "This tab has ended.");
  $("after").querySelector("button").focus();
}

function others() { switchPortal(lease, say, back); }
function full() { document.fullscreenElement ? document.exitFullscreen() : $("main").requestFullscreen().catch(() => say("Your browser did not allow full screen.")); }
async function extend() {
  const answer = await post("/extend").catch(() => null);
  if (!answer?.ok) return say("No more time could be had just now. Try again.");
  expires = Date.parse((await answer.json()).expires_at);
  say("You have more time.");
}

start(send, say);
for (const button of document.querySelectorAll("[data-nav]")) button.onclick = () => { nav(button.dataset.nav); back(); };
for (const [id, act] of [["extend", extend], ["more-time", extend], ["find-open", openFind], ["print", () => send({ t: "print" })], ["full", full], ["others", others], ["mirror-open", mirror]]) $(id).onclick = () => { act(); if (!["find-open", "mirror-open", "others"].includes(id)) back(); };
setInterval(() => {
  if (over) return;
  const minutes = (expires - Date.now()) / 60000;
  $("time-left").textContent = canvas ? `${left(expires)} left` : "";
  $("ending").hidden = !(canvas && minutes < 1);
  if (!$("ending").hidden) $("ending-left").textContent = left(expires);
  $("waiting-left").textContent = !canvas && deadline ? `The code is good for ${left(Date.parse(deadline))}` : "";
}, 1000);
if (stage.dataset.state === "ready") connect(); // already signed in: nothing to wait for
else wait();
