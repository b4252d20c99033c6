// Looking on at a colleague's tab: what she is shown, as she is shown it. Nothing goes back.

import { decode, draw, parse, EVENT, FRAME, Kept } from "./draw.js";
import { mark } from "./watermark.js";

const $ = (id) => document.getElementById(id);
const stage = $("stage"), status = $("status"), context = $("screen").getContext("2d", { alpha: false });
const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/tabs/${stage.dataset.leaseId}/watch`);
const words = { notice: (e) => e.words, dialog: (e) => `The portal asks: ${e.words}`, tabs: (e) => { const tab = e.tabs.find((one) => one.n === e.active); return tab ? `${stage.dataset.holder} is at ${tab.page ? `${tab.page}, ` : ""}${tab.host}${tab.path}` : ""; } };
let started = false, over = false, queue = Promise.resolve();
const kept = new Kept(), seen = (window.portunusWatch = { drawn: 0 });

socket.binaryType = "arraybuffer";
socket.onopen = () => socket.send(JSON.stringify({ ticket: stage.dataset.ticket }));
socket.onmessage = ({ data }) => {
  if (typeof data === "string") { const told = JSON.parse(data); if (told.e === "ended") over = true; status.textContent = told.words; return; }
  queue = queue.then(() => show(parse(data))).catch(() => {});
};
socket.onclose = () => { if (!over) status.textContent = "The connection was lost. Go back to Open tabs to watch again."; };

async function show(message) {
  if (message.kind === EVENT) { const said = words[message.event.e]?.(message.event); if (said) status.textContent = said; return; }
  const found = kept.take(message);
  if (!started && message.kind === FRAME) { started = true; status.textContent = `You see what ${stage.dataset.holder} sees.`; }
  if (!started) return;
  await draw(context, message, decode(message, found));
  seen.drawn++;
}

mark(stage, document.querySelector(".who a").textContent);
