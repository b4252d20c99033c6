// Plays a recording: the stream's own messages, drawn again at their times, with a timeline to jump by.

import { decode, draw, parse, EVENT, FRAME, Kept } from "./draw.js";
import { needed } from "./needed.js";
import { mark } from "./watermark.js";

const $ = (id) => document.getElementById(id);
const player = $("player"), status = $("player-status"), context = $("screen").getContext("2d", { alpha: false });
const csrf = document.querySelector("meta[name=csrf]").content;
const kept = new Kept(Infinity);
let messages = [], at = 0, next = 0, playing = false, started = 0, busy = Promise.resolve();
const AHEAD = 16; // messages whose pictures are decoded before they are drawn
const clock = (ms) => `${Math.floor(ms / 60000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}`;
window.portunusPlayer = { drawn: 0, total: 0, settled: () => busy };

/** What there is beyond the messages that are here already. */
async function load() {
  const body = new URLSearchParams({ reason: player.dataset.reason, csrf, after: messages.length }), had = messages.length;
  const source = player.dataset.messages || `/api/v1/recordings/${player.dataset.recordingId}/messages`;
  const answer = await fetch(source, { method: "POST", headers: { "x-csrf-token": csrf }, body });
  if (!answer.ok) { status.textContent = (await answer.json().catch(() => ({}))).detail || "The recording cannot be played."; return; }
  const bytes = await answer.arrayBuffer(), view = new DataView(bytes);
  for (let place = 0; place + 8 <= bytes.byteLength;) {
    const size = view.getUint32(place), ms = view.getUint32(place + 4);
    const message = parse(bytes.slice(place + 8, place + 8 + size));
    messages.push({ ...message, ms, found: kept.take(message) });
    place += 8 + size;
  }
  const ending = messages.pop()?.event; // the last one is not recorded: it says how the file ends
  const end = messages.length ? messages[messages.length - 1].ms : 0;
  $("seek").max = end;
  window.portunusPlayer.total = messages.length;
  status.textContent = `${clock(end)} long.${ending?.words ? ` ${ending.words}` : ""}`;
  if ($("live")) $("live").hidden = ending?.how !== "running";
  timeline(had);
  await seek(had ? end : Math.min(Number(player.dataset.at), end));
}

function timeline(had) {
  const words = { holder: (e) => (e.from ? `${e.from} ${e.how === "taken_over" ? "had it; taken over by" : "handed it to"} ${e.to}${e.note ? `: ${e.note}` : ""}` : `goes on with ${e.to}, in a recording of its own`), watched: (e) => (e.by.length ? `watched by ${e.by.join(", ")}` : "no longer watched"), joined: (e) => (e.who ? `${e.who} looks on (${e.at.slice(0, 16).replace("T", " ")} UTC)` : ""), upload: () => "the portal asks for a file", invalid: (e) => (e.v ? `the form says ${e.v}` : ""), picker: (e) => `picks ${e.label || e.kind}`, copied: () => "copied words", typed: (e) => (e.secret ? `typed in ${e.field || "a field"}: secret, not kept` : `typed “${e.v}”${e.field ? ` in ${e.field}` : ""}`), answered: (e) => `answered ${e.ok ? "yes" : "no"}`, found: (e) => (e.of ? `found ${e.n} of ${e.of}` : ""), zoom: (e) => `zoom ${Math.round(e.v * 100)} %`, tabs: (e) => { const tab = e.tabs.find((one) => one.n === e.active); return tab ? `page ${tab.page ? `${tab.page}, ` : ""}${tab.host}${tab.path} “${tab.title}”` : ""; }, notice: (e) => e.words, dialog: (e) => `dialog: ${e.words}`, select: (e) => `list ${e.label}`, download: (e) => `${e.printed ? "printed" : "file"} ${e.name}${e.warning ? `, ${e.warning}` : ""}`, click: (e) => `click at ${Math.round(e.x)}, ${Math.round(e.y)}` };
  for (const row of $("timeline").querySelectorAll("[data-ms]")) row.onclick = () => seek(Number(row.dataset.ms)); // codes: the page brings them
  let last = $("timeline").lastElementChild?.dataset.words;
  for (const message of messages.slice(had)) {
    if (message.kind !== EVENT || !(message.event.e in words)) continue;
    const text = words[message.event.e](message.event);
    if (!text || (text === last && message.event.e !== "click")) continue;
    last = text;
    const row = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    button.textContent = `${clock(message.ms)}  ${text}`;
    button.onclick = () => seek(message.ms);
    row.dataset.words = text;
    row.append(button);
    $("timeline").append(row);
  }
}

$("timeline-find").oninput = () => {
  const wanted = $("timeline-find").value.trim().toLowerCase(), rows = [...$("timeline").children];
  for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  $("timeline-count").textContent = wanted ? `${rows.filter((row) => !row.hidden).length} of ${rows.length}` : "";
};

/** Draws the state at a time: from the last whole frame before it. */
function seek(ms) {
  busy = busy.then(async () => {
    let end = messages.findIndex((message) => message.ms > ms);
    if (end < 0) end = messages.length;
    let from = end - 1;
    while (from > 0 && messages[from].kind !== FRAME) from--;
    if (messages[from]?.kind !== FRAME) { // before the first picture: show that one
      from = Math.max(messages.findIndex((message) => message.kind === FRAME), 0);
      end = Math.max(end, from + 1);
    }
    const drawn = messages.slice(Math.max(from, 0), end).filter((message) => message.kind !== EVENT);
    const seen = needed(drawn);
    const ahead = []; // decoded beside each other, some at a time: a long way from a whole picture must not fill the memory
    for (const [number, message] of drawn.entries()) {
      for (let more = ahead.length; more < Math.min(number + AHEAD, drawn.length); more++) ahead.push(decode(drawn[more], seen[more]));
      await paint(message, ahead[number]);
      ahead[number] = null;
    }
    next = end;
    at = ms;
    started = performance.now() - at / speed();
    show();
  });
  return busy;
}

async function paint(message, tiles = decode(message, message.found ?? [])) {
  if (message.kind === EVENT) return;
  await draw(context, message, tiles);
  window.portunusPlayer.drawn++;
}

const speed = () => Number($("speed").value);
function show() { $("seek").value = at; $("clock").textContent = clock(at); }

async function tick() {
  if (!playing) return;
  at = Math.min((performance.now() - started) * speed(), Number($("seek").max));
  while (next < messages.length && messages[next].ms <= at) await paint(messages[next++]);
  show();
  if (next >= messages.length) return pause();
  requestAnimationFrame(tick);
}

function pause() { playing = false; $("play").textContent = "Play"; }
async function play() {
  if (playing) return pause();
  if (next >= messages.length) await seek(0);
  playing = true;
  $("play").textContent = "Pause";
  started = performance.now() - at / speed();
  tick();
}

$("play").onclick = play;
if ($("more")) $("more").onclick = () => { pause(); load(); };
$("seek").oninput = () => { pause(); seek(Number($("seek").value)); };
$("speed").onchange = () => { started = performance.now() - at / speed(); };
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, select, button")) return;
  if (event.key === " ") { play(); event.preventDefault(); }
  if (event.key === "ArrowRight") seek(Math.min(at + 5000, Number($("seek").max)));
  if (event.key === "ArrowLeft") seek(Math.max(at - 5000, 0));
});
mark($("player-stage"), document.querySelector(".who a").textContent);
load();
