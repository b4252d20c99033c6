// The launcher: narrow down by typing, open with Enter, watch the states change.

const find = document.getElementById("find"), purpose = document.getElementById("purpose"), live = document.getElementById("live");
const items = [...document.querySelectorAll("[data-tile]")];
const KEPT = "portunus-purpose";
let told = new Map();

const shown = () => items.filter((item) => !item.hidden);
const buttons = () => shown().map((item) => item.querySelector("button"));

function narrow() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const item of items) item.hidden = !words.every((word) => item.dataset.words.includes(word));
  for (const place of document.querySelectorAll("[data-location]")) place.hidden = !place.querySelector("[data-tile]:not([hidden])");
  live.textContent = words.length ? `${shown().length} found` : "";
}

try { const kept = localStorage.getItem(KEPT); if (kept) purpose.value = kept; } catch { /* no storage: the first purpose stays */ }
purpose.addEventListener("change", () => { try { localStorage.setItem(KEPT, purpose.value); } catch { /* not kept */ } });
find.addEventListener("input", narrow);
find.addEventListener("keydown", (event) => {
  if (event.key === "Enter") { buttons()[0]?.click(); event.preventDefault(); }
  if (event.key === "ArrowDown") { buttons()[0]?.focus(); event.preventDefault(); }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== find) { find.focus(); event.preventDefault(); return; }
  const all = buttons(), at = all.indexOf(document.activeElement);
  if (at < 0) return;
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (step) { (all[at + step] || find).focus(); event.preventDefault(); }
});
for (const item of items) {
  const form = item.querySelector("form");
  form.addEventListener("submit", (event) => {
    const lease = item.dataset.lease;
    if (lease) { event.preventDefault(); location.href = `/tabs/${lease}`; return; }
    if (form.dataset.sent) { event.preventDefault(); return; } // a double click opens once
    form.dataset.sent = "1";
    form.elements.purpose.value = purpose.value;
    setTimeout(() => { delete form.dataset.sent; }, 3000);
  });
}

function paint(tile) {
  const item = document.querySelector(`[data-tile="${tile.account_id}:${tile.location_id}"]`);
  if (!item) return;
  item.querySelector("button").dataset.state = tile.state;
  item.querySelector("[data-state-words]").textContent = tile.state_words;
  item.querySelector("[data-tile-words]").textContent = tile.words;
  item.dataset.lease = tile.lease_id || "";
  item.dataset.deadline = tile.deadline || "";
  if (told.has(item.dataset.tile) && told.get(item.dataset.tile) !== tile.state) live.textContent = `${tile.portal_name}, ${tile.location_name}: ${tile.state_words}`;
  told.set(item.dataset.tile, tile.state);
}

setInterval(() => {
  for (const item of items) {
    const until = item.dataset.deadline, s = until ? Math.max(0, Math.round((Date.parse(until) - Date.now()) / 1000)) : 0;
    item.querySelector("[data-left]").textContent = until ? ` ${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}` : "";
  }
}, 1000);

const events = new EventSource("/tiles/events");
events.onmessage = ({ data }) => JSON.parse(data).forEach(paint);
