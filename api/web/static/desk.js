// The code desk: shows who waits as it happens, keeps what is being typed, and tells what the portal said to each code.

const $ = (id) => document.getElementById(id);
const desk = $("desk"), said = $("said"), over = $("over"), given = $("given");
const csrf = document.querySelector("meta[name=csrf]").content;
const title = document.title;
let outcomes = "";

const tell = (words) => { said.hidden = !words; said.textContent = words; };
const boxes = () => [...desk.querySelectorAll("[data-id]")];
const post = (path, body) => fetch(path, { method: "POST", headers: { "x-csrf-token": csrf, "content-type": "application/json" }, body: JSON.stringify(body) });
const problem = async (answer) => (await answer?.json().catch(() => null))?.detail || "No connection. Try again.";

function countDown() {
  for (const box of boxes()) {
    const s = Math.max(0, Math.round((Date.parse(box.dataset.deadline) - Date.now()) / 1000));
    box.querySelector("[data-left]").textContent = `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")} left`;
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
  const field = box.querySelector(".code-box"), name = box.querySelector(".code-who");
  name.id = `who-${row.id}`;
  box.setAttribute("aria-labelledby", name.id);
  field.id = `code-${row.id}`;
  box.querySelector("label").htmlFor = field.id;
  wire(box);
  return box;
}

/** Sends without leaving the page, so that what is typed for the others stays. */
function wire(box) {
  const [code, not] = box.querySelectorAll("form");
  code.onsubmit = async (event) => {
    event.preventDefault();
    const answer = await post(`/api/v1/codes/${box.dataset.id}`, { value: code.elements.value.value }).catch(() => null);
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
}

function gone(box) {
  const next = boxes()[boxes().indexOf(box) + 1] || boxes()[0];
  box.remove();
  if (next && next !== box) next.querySelector(".code-box").focus();
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
    if (!box) { box = made(row); desk.append(box); tell(`${row.portal_name} waits for a code.`); }
    kept.delete(row.id);
    box.dataset.deadline = row.deadline;
    let line = box.querySelector("p[data-said]");
    if (line) { line.textContent = row.said; line.hidden = !row.said; }
  }
  for (const box of kept.values()) box.remove();
  $("nobody").hidden = data.length > 0;
  if (!document.contains(focused) || focused === document.body) desk.querySelector(".code-box")?.focus({ preventScroll: true });
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

boxes().forEach(wire);
setInterval(countDown, 1000);
setInterval(look, 1500);
countDown();
look();
