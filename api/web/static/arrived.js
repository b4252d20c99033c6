// Waits for the next message at a mailbox or number, and shows it with what Portunus made of it. Numbers come masked.

const $ = (id) => document.getElementById(id);
const box = $("arrived"), button = $("wait"), words = $("wait-words"), found = $("wait-found");
const LOOK_MS = 1500, PATIENCE_MS = 180_000;
let after = box?.dataset.after || "", until = 0, timer = 0;

function show(row) {
  const one = $("wait-one").content.firstElementChild.cloneNode(true);
  const put = (name, text) => { const part = one.querySelector(`[data-${name}]`); part.textContent = text; part.hidden = !text; };
  one.setAttribute("aria-label", `Message from ${row.sender || "an unreadable sender"}`);
  put("sender", row.sender || "Not readable");
  put("at", `${row.at.slice(0, 19).replace("T", " ")} UTC`);
  put("endpoint", row.endpoint);
  put("text", row.text);
  put("verdict", row.verdict.replaceAll("_", " "));
  put("why", row.why);
  const trust = row.trusted === null ? "" : row.trusted ? "Its sender is confirmed." : "Its sender is not confirmed: a code in it would be left to a person.";
  put("read", `${trust} ${row.read_by.length ? `It would be read as a code of ${row.read_by.join(", ")}.` : "No portal set up here would read a code in it."}`.trim());
  found.prepend(one);
}

async function look() {
  const answer = await fetch(`/api/v1/channels/arrived?${box.dataset.where}&after=${encodeURIComponent(after)}`).catch(() => null);
  if (answer && !answer.ok) return stop("Your sign-in has ended. Reload this page to go on.");
  const rows = answer ? (await answer.json()).data : [];
  for (const row of rows) { show(row); after = row.id; }
  if (rows.length) return stop("It came. This is what Portunus made of it:");
  if (Date.now() > until) return stop("Nothing came in three minutes. Look at the health above and at the address you sent it to; then try again.");
  timer = setTimeout(look, LOOK_MS);
}

function stop(said) {
  clearTimeout(timer);
  words.textContent = said;
  button.textContent = "Wait for another one";
  button.disabled = false;
}

if (box) {
  button.hidden = false;
  $("again").hidden = true;
  button.onclick = () => {
    until = Date.now() + PATIENCE_MS;
    button.disabled = true;
    words.textContent = "Waiting for the next message …";
    look();
  };
}
