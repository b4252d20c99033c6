// Who waits for a code and has it in her hand types it right here; the code desk stays for everybody else.

const $ = (id) => document.getElementById(id);
const form = $("give"), lease = $("stage").dataset.leaseId, csrf = document.querySelector("meta[name=csrf]").content;
const LOOK_MS = 2000;
let asked = null; // the request the box is for

const over = () => $("waiting").hidden || !$("after").hidden;

async function look() {
  if (over()) { form.hidden = true; return; }
  const answer = await fetch(`/api/v1/codes?lease=${lease}`).catch(() => null);
  const row = answer?.ok ? (await answer.json()).data[0] : null;
  if (row && row.state === "waiting" && row.id !== asked) {
    asked = row.id;
    $("give-where").textContent = `Sent by ${row.channel}${row.destination ? ` to ${row.destination}` : ""}.`;
    $("give-wrong").hidden = true;
    form.reset();
  }
  const show = Boolean(row) && row.state === "waiting" && !over();
  if (form.hidden && show) { form.hidden = false; if (document.activeElement === document.body) $("give-code").focus(); }
  form.hidden = !show;
  setTimeout(look, LOOK_MS);
}

async function give(event) {
  event.preventDefault();
  const answer = await fetch(`/api/v1/codes/${asked}`, { method: "POST", headers: { "x-csrf-token": csrf, "content-type": "application/json" }, body: JSON.stringify({ value: $("give-code").value }) }).catch(() => null);
  if (answer?.ok) { form.hidden = true; asked = null; return; }
  $("give-wrong").textContent = (await answer?.json().catch(() => null))?.detail || "No connection. Try again.";
  $("give-wrong").hidden = false;
  $("give-code").select();
}

if (form) {
  form.onsubmit = give;
  if ($("stage").dataset.state === "ready") setTimeout(look, LOOK_MS); // needs no code now
  else look();
}
