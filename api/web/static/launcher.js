// The launcher: narrow down by typing, open with Enter, watch the states change. Without this script it still opens tabs.

const find = document.getElementById("find"), purpose = document.getElementById("purpose"), live = document.getElementById("live");
const mine = document.getElementById("mine"), over = document.getElementById("over"), outages = document.getElementById("outages"), form = document.getElementById("open");
const items = [...document.querySelectorAll("[data-tile]")];
const KEPT = "portunus-purpose", TYPED_IN = "input, select, textarea";
const told = new Map();
let sent = null, apart = false; // apart: Ctrl was held, so the tab opens beside this page

const shown = () => items.filter((item) => !item.hidden);
const buttons = () => shown().map((item) => item.querySelector("button"));

function narrow() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const item of items) item.hidden = !words.every((word) => item.dataset.words.includes(word));
  for (const place of document.querySelectorAll("[data-location]")) place.hidden = !place.querySelector("[data-tile]:not([hidden])");
  live.textContent = words.length ? `${shown().length} found` : "";
}

try { const kept = localStorage.getItem(KEPT); if (kept && [...purpose.options].some((one) => one.value === kept)) purpose.value = kept; } catch { /* no storage: the first purpose stays */ }
purpose.addEventListener("change", () => { try { localStorage.setItem(KEPT, purpose.value); } catch { /* not kept */ } });
find.addEventListener("input", narrow);
find.addEventListener("keydown", (event) => {
  if (event.key === "Enter") { event.preventDefault(); if (find.value.trim() && !event.repeat) buttons()[0]?.click(); }
  if (event.key === "ArrowDown") { buttons()[0]?.focus(); event.preventDefault(); }
});
document.addEventListener("keydown", (event) => {
  const plain = !event.ctrlKey && !event.altKey && !event.metaKey;
  if (event.key === "/" && plain && !event.target.closest(TYPED_IN)) { find.focus(); event.preventDefault(); return; }
  const all = buttons(), at = all.indexOf(document.activeElement);
  if (at < 0) return;
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (step) { (all[at + step] || find).focus(); event.preventDefault(); }
});
for (const kind of ["keydown", "click"]) document.addEventListener(kind, (event) => { if (event.isTrusted) apart = event.ctrlKey || event.metaKey; }, true);
form.addEventListener("submit", (event) => {
  const item = event.submitter?.closest("[data-tile]"), lease = item?.dataset.lease;
  if (lease) {
    event.preventDefault();
    if (apart) open(`/tabs/${lease}`, "_blank", "noopener"); else location.href = `/tabs/${lease}`;
    return;
  }
  if (sent === item) { event.preventDefault(); return; } // a double click opens once
  sent = item;
  setTimeout(() => { sent = null; }, 3000);
  form.target = apart ? "_blank" : "";
});
addEventListener("pageshow", () => { sent = null; }); // back from a tab

function paint(tile) {
  const item = items.find((one) => one.dataset.tile === `${tile.account_id}:${tile.location_id}`);
  if (!item) return;
  item.querySelector("button").dataset.state = tile.state;
  item.querySelector("[data-state-words]").textContent = tile.state_words;
  item.querySelector("[data-tile-words]").textContent = tile.words;
  const byHand = item.querySelector("[data-by-hand]"); // a portal that allows no program: she signs in there herself
  byHand.hidden = !tile.address;
  byHand.querySelector("a").href = tile.address || "";
  item.dataset.lease = tile.lease_id || "";
  item.dataset.deadline = tile.deadline || "";
  if (told.has(item.dataset.tile) && told.get(item.dataset.tile) !== tile.state) live.textContent = `${tile.portal_name}, ${tile.location_name}: ${tile.state_words}`;
  told.set(item.dataset.tile, tile.state);
}

function paintOutages(down) {
  const now = JSON.stringify(down), known = [...outages.children].map((one) => one.dataset.down);
  if (outages.dataset.now === now) return;
  outages.dataset.now = now;
  for (const one of down) if (!known.includes(one.portal_key)) live.textContent = `${one.portal} is down`;
  outages.replaceChildren(...down.map((one) => {
    const notice = document.createElement("section"), title = document.createElement("h2"), when = document.createElement("p"), steps = document.createElement("ol");
    notice.className = "notice downtime";
    notice.dataset.down = one.portal_key;
    title.id = `down-${one.portal_key}`;
    notice.setAttribute("aria-labelledby", title.id);
    title.textContent = `${one.portal} is down`;
    when.textContent = one.when;
    steps.append(...one.steps.map((step) => { const line = document.createElement("li"); line.textContent = step; return line; }));
    notice.append(title, when, steps);
    return notice;
  }));
}

function listMine(tiles) {
  const held = tiles.filter((tile) => tile.lease_id);
  const list = mine.querySelector("ul"), now = held.map((tile) => `${tile.lease_id} ${tile.state} ${tile.deadline}`).join();
  mine.hidden = !held.length;
  if (list.dataset.now === now) return; // the focus stays where it is
  list.dataset.now = now;
  list.replaceChildren(...held.map((tile) => {
    const line = document.createElement("li"), link = document.createElement("a"), left = document.createElement("span");
    link.href = `/tabs/${tile.lease_id}`;
    link.textContent = `${tile.portal_name} · ${tile.location_name}`;
    left.className = "time-left";
    left.dataset.state = tile.state;
    left.dataset.until = tile.deadline || "";
    left.textContent = tile.state_words;
    line.append(link, " ", left);
    return line;
  }));
  countDown();
}

function left(until) {
  const s = Math.max(0, Math.round((Date.parse(until) - Date.now()) / 1000));
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}

function countDown() {
  for (const item of items) item.querySelector("[data-left]").textContent = item.dataset.deadline ? ` ${left(item.dataset.deadline)}` : "";
  for (const line of mine.querySelectorAll("[data-state]")) {
    if (line.dataset.state === "yours") line.textContent = `${left(line.dataset.until)} left`;
    if (line.dataset.state === "needs_code" && line.dataset.until) line.textContent = `Needs a code, ${left(line.dataset.until)}`;
  }
}

setInterval(countDown, 1000);
countDown();
let events = null;
function watch() {
  events?.close();
  if (document.hidden) return; // a browser opens six connections to one address: pages nobody looks at need none
  events = new EventSource("/tiles/events");
  events.onmessage = ({ data }) => { const { tiles, down } = JSON.parse(data); tiles.forEach(paint); paintOutages(down); listMine(tiles); };
  events.onerror = () => {
    if (events.readyState !== EventSource.CLOSED) return; // it connects again by itself
    over.textContent = "Your sign-in has ended, or what you may open has changed. Reload this page to go on.";
    over.hidden = false;
  };
}
document.addEventListener("visibilitychange", watch);
watch();
