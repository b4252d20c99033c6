// The code desk: shows who waits as it happens, and keeps what is being typed.

const desk = document.getElementById("desk"), said = document.getElementById("said");
const csrf = document.querySelector("meta[name=csrf]").content;
const title = document.title;
let known = null; // null: what is on the page has not been compared yet

if (new URLSearchParams(location.search).has("sent")) tell("Sent. The portal's answer shows on the biller's screen.");

function tell(words) { said.hidden = !words; said.textContent = words; }

function countDown() {
  for (const form of desk.querySelectorAll("form")) {
    const s = Math.max(0, Math.round((Date.parse(form.dataset.deadline) - Date.now()) / 1000));
    form.querySelector("[data-left]").textContent = `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")} left`;
  }
}

function form(row) {
  const box = document.createElement("form");
  box.className = "panel code-request";
  box.dataset.deadline = row.deadline;
  box.dataset.id = row.id;
  box.innerHTML = `<p class="code-who"><strong></strong> signs in to <strong></strong> for <span></span> (login <span></span>).</p>
    <p class="hint">The code was sent by <span></span>. <span class="time-left" data-left></span></p>
    <label>Code <input class="code-box" name="value" autocomplete="one-time-code" maxlength="40" required></label>
    <button class="button button-primary" type="submit">Send</button><p class="error" role="alert" hidden></p>`;
  const slots = box.querySelectorAll("strong, span:not([data-left])");
  [row.requester_name, row.portal_name, row.location_name, row.login_tail, `${row.channel}${row.destination ? ` to ${row.destination}` : ""}`].forEach((text, n) => { slots[n].textContent = text; });
  box.onsubmit = (event) => { event.preventDefault(); give(box, row.id); };
  return box;
}

async function give(box, id) {
  const answer = await fetch(`/api/v1/codes/${id}`, { method: "POST", headers: { "x-csrf-token": csrf, "content-type": "application/json" }, body: JSON.stringify({ value: box.elements.value.value }) });
  const wrong = box.querySelector(".error");
  if (answer.ok) { tell("Sent. Portunus types it in now."); box.remove(); known = null; return look(); }
  wrong.hidden = false;
  wrong.textContent = (await answer.json().catch(() => ({}))).detail || "That did not work. Try again.";
  box.elements.value.select();
}

async function look() {
  const answer = await fetch("/api/v1/codes").catch(() => null);
  if (!answer?.ok) return;
  const rows = (await answer.json()).data, now = rows.map((row) => row.id).join();
  document.title = rows.length ? `(${rows.length}) ${title}` : title;
  if (now === known) return;
  known = now;
  const kept = new Map([...desk.querySelectorAll("form[data-id]")].map((box) => [box.dataset.id, box]));
  const boxes = rows.map((row) => kept.get(row.id) || form(row));
  if (!boxes.length) { const none = document.createElement("p"); none.className = "panel"; none.textContent = "Nobody waits for a code. This page changes by itself when somebody does."; boxes.push(none); }
  const typing = document.activeElement;
  desk.replaceChildren(...boxes);
  if (!typing || !document.contains(typing) || typing === document.body) desk.querySelector("input[name=value]")?.focus();
  countDown();
}

setInterval(countDown, 1000);
setInterval(look, 1500);
countDown();
look();
