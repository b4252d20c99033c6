// The code desk: shows who waits as it happens, keeps what is being typed, and tells what the portal said to each code.

import { notify, ring as sounds } from "./ring.js";

const $ = (id) => document.getElementById(id);
const desk = $("desk"), said = $("said"), over = $("over"), given = $("given");
const csrf = document.querySelector("meta[name=csrf]").content;
const title = document.title;
let outcomes = "";

const tell = (words) => { said.hidden = !words; said.textContent = words; };
const boxes = () => [...desk.querySelectorAll("[data-id]")];
const post = (path, body) => fetch(path, { method: "POST", headers: { "x-csrf-token": csrf, "content-type": "application/json" }, body: JSON.stringify(body) });
const problem = async (answer) => (await answer?.json().catch(() => null))?.detail || "No connection. Try again.";

const clock = (seconds) => { const s = Math.max(0, Math.round(seconds)); return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`; };

function countDown() {
  for (const box of boxes()) {
    const s = Math.max(0, Math.round((Date.parse(box.dataset.deadline) - Date.now()) / 1000));
    box.querySelector("[data-left]").textContent = `${clock(s)} left`;
    box.querySelector("[data-asked-at]").textContent = new Date(box.dataset.asked).toLocaleTimeString();
    if (box.dataset.began) {
      const held = (Date.parse(box.dataset.answered || new Date()) - Date.parse(box.dataset.began)) / 1000;
      box.querySelector("[data-timer]").textContent = box.dataset.answered ? ` Answered after ${clock(held)}.` : ` On hold for ${clock(held)}.`;
    }
  }
}

function made(row) {
  const box = $("request").content.firstElementChild.cloneNode(true);
  const put = (name, text) => { box.querySelector(`[data-${name}]`).textContent = text; };
  box.dataset.id = row.id;
  put("portal", row.portal_name);
  put("requester", row.requester_name);
  put("place", row.location_name);
  put("login", row.login_tail);
  put("channel", `${row.channel}${row.destination ? ` to ${row.destination}` : ""}`);
  box.dataset.task = row.task;
  const field = box.querySelector(".code-box"), name = box.querySelector(".code-who"), reference = box.querySelector("[name=call_reference]");
  name.id = `who-${row.id}`;
  box.setAttribute("aria-labelledby", name.id);
  field.id = `code-${row.id}`;
  box.querySelector(".code-form label").htmlFor = field.id;
  reference.id = `ref-${row.id}`;
  box.querySelector("[data-reference] label").htmlFor = reference.id;
  wire(box);
  return box;
}

/** What a person must do, and who is on the telephone for it. */
function task(box, row) {
  const part = (name) => box.querySelector(`[data-${name}]`), call = row.calling;
  box.dataset.task = row.task;
  part("sent").hidden = Boolean(row.task);
  part("words").hidden = !row.task;
  part("words").textContent = row.task_words;
  part("say").hidden = !["push", "line"].includes(row.task);
  part("say").textContent = row.task_say;
  part("call").hidden = part("reference").hidden = row.task !== "line";
  box.querySelector(".code-form").hidden = ["push", "touch"].includes(row.task);
  if (part("link")) part("link").hidden = box.querySelector(".code-form").hidden;
  const line = part("hold"), words = !call ? "" : call.mine ? "You are calling." : `${call.by} is calling.`;
  if (line.dataset.words !== words) {
    const timer = document.createElement("span");
    timer.dataset.timer = "";
    timer.setAttribute("aria-hidden", "true");
    line.replaceChildren(words, timer);
    line.dataset.words = words;
  }
  box.dataset.began = call?.began_at || "";
  box.dataset.answered = call?.answered_at || "";
  part("began").hidden = Boolean(call);
  part("answered").hidden = !call?.mine || Boolean(call.answered_at);
  part("endings").hidden = !call?.mine;
}

/** Why the code will not be typed in by itself: then somebody reads it, or listens to it. */
function hindered(line, row) {
  const [words, link] = line.children;
  line.hidden = !row.notice;
  words.textContent = row.notice;
  link.hidden = !row.recording;
  if (row.recording) link.href = row.recording;
}

/** Sends without leaving the page, so that what is typed for the others stays. */
function wire(box) {
  const [calls, code, not, link] = box.querySelectorAll("form");
  calls.onsubmit = async (event) => {
    event.preventDefault();
    const said = { act: event.submitter.value, reference: code.elements.call_reference.value };
    const answer = await post(`/api/v1/codes/${box.dataset.id}/call`, said).catch(() => null);
    if (!answer?.ok) return complain(box, await problem(answer));
    await look();
    box.querySelector(`[data-${said.act === "began" ? "answered" : "began"}]:not([hidden])`)?.focus();
    if (said.act === "answered") code.elements.value.focus();
  };
  code.onsubmit = async (event) => {
    event.preventDefault();
    const answer = await post(`/api/v1/codes/${box.dataset.id}`, { value: code.elements.value.value, call_reference: code.elements.call_reference.value }).catch(() => null);
    if (!answer?.ok) { complain(box, await problem(answer)); code.elements.value.select(); return; }
    tell("");
    gone(box);
  };
  not.onsubmit = async (event) => {
    event.preventDefault();
    const answer = await post(`/api/v1/codes/${box.dataset.id}/decline`, { why: event.submitter.value }).catch(() => null);
    if (!answer?.ok) return complain(box, await problem(answer));
    tell(`Noted. ${box.querySelector(".code-who").textContent.trim()} is told.`);
    gone(box);
  };
  link.onsubmit = (event) => { event.preventDefault(); showLink(box, link); };
}

/** The link is shown once, to be copied; making it does not take the request away. */
async function showLink(box, form) {
  const answer = await post(`/api/v1/codes/${box.dataset.id}/link`, {}).catch(() => null);
  if (!answer?.ok) return complain(box, await problem(answer));
  const { link } = await answer.json(), label = document.createElement("label"), field = document.createElement("input");
  label.className = "hint";
  field.readOnly = true;
  field.value = link;
  label.append("Send this to whoever has the code. It works once and is shown only here. ", field);
  form.replaceWith(label);
  field.select();
}

function gone(box) {
  const next = boxes()[boxes().indexOf(box) + 1] || boxes()[0];
  box.remove();
  if (next && next !== box) next.querySelector("form:not([hidden]) .code-box, button:not([hidden])")?.focus();
  look();
}

function complain(box, words) {
  let line = box.querySelector("[role=alert]");
  if (!line) { line = document.createElement("p"); line.className = "error"; line.setAttribute("role", "alert"); box.append(line); }
  line.textContent = words;
}

async function look() {
  const answer = await fetch("/api/v1/codes").catch(() => null);
  over.hidden = !answer || answer.ok;
  if (answer && !answer.ok) over.textContent = "Your sign-in has ended. Reload this page to go on.";
  if (!answer?.ok) return;
  const { data, given: mine } = await answer.json();
  document.title = data.length ? `(${data.length}) ${title}` : title;
  const kept = new Map(boxes().map((box) => [box.dataset.id, box])), focused = document.activeElement;
  for (const row of data) {
    let box = kept.get(row.id);
    if (!box) { box = made(row); desk.append(box); tell(`${row.portal_name} waits for ${["push", "touch"].includes(row.task) ? "somebody's hand" : "a code"}.`); }
    kept.delete(row.id);
    box.dataset.asked = row.asked_at;
    box.dataset.deadline = row.deadline;
    task(box, row);
    hindered(box.querySelector("[data-notice]"), row);
    let line = box.querySelector("p[data-said]");
    if (line) { line.textContent = row.said; line.hidden = !row.said; }
    line = box.querySelector("[data-called]");
    line.textContent = `Called: ${row.called}`;
    line.hidden = !row.called;
    if (row.call_at && Date.parse(row.call_at) <= Date.now()) call(row);
  }
  for (const box of kept.values()) box.remove();
  $("nobody").hidden = data.length > 0;
  if (!document.contains(focused) || focused === document.body) desk.querySelector("form:not([hidden]) .code-box")?.focus({ preventScroll: true });
  countDown();
  show(mine);
}

function show(mine) {
  const now = mine.map((row) => row.request_id + row.given_at + row.state).join();
  if (now === outcomes) return;
  outcomes = now;
  given.hidden = !mine.length;
  given.querySelector("ul").replaceChildren(...mine.map((row) => {
    const line = document.createElement("li"), name = document.createElement("strong"), words = document.createElement("span");
    line.dataset.state = row.state;
    name.textContent = row.portal_name;
    words.textContent = row.words;
    line.append(name, ` for ${row.requester_name}: `, words);
    return line;
  }));
}

// --- being called: a sound, and a notification of the browser while something else is in front. No patient, no login in it.

const ring = $("ring"), rung = new Set();
let sound = null;

function call(row) {
  if (rung.has(row.id)) return;
  rung.add(row.id);
  desk.dispatchEvent(new CustomEvent("called", { detail: row.id }));
  if (!sound) return;
  sounds(sound);
  if (!document.hasFocus()) notify(`${row.portal_name} waits for a code`, { body: row.location_name, tag: row.id });
}

/** Browsers let a page sound only after a press; notifications they ask about themselves. */
ring.onclick = async () => {
  if (sound) { await sound.close(); sound = null; } else {
    sound = new AudioContext();
    rung.clear();  // whoever waits already sounds now
    if (window.Notification?.permission === "default") Notification.requestPermission();
  }
  ring.textContent = sound ? "Stop calling me" : "Call me with a sound";
};
ring.hidden = !window.AudioContext;

boxes().forEach(wire);
setInterval(countDown, 1000);
setInterval(look, 1500);
countDown();
look();
