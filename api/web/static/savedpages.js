// The script as it stands, shown the saved pages of its portal: a row for each page as it is looked at, then what is still missing.

const $ = (id) => document.getElementById(id);
const panel = $("pages"), run = $("pages-run"), stop = $("pages-stop"), state = $("pages-state"), table = $("pages-table"), missing = $("pages-missing");
const rows = table.querySelector("tbody"), list = missing.querySelector("ul");
const csrf = document.querySelector("meta[name=csrf]").content;
const text = $("text"), from = new URL($("editor").dataset.check, location.href).search;
let socket = null, told = false;

const say = (words) => { state.textContent = words; };
const plain = (name) => name.replaceAll("_", " ");
const element = (tag, words, more = {}) => Object.assign(document.createElement(tag), { textContent: words, ...more });

run.onclick = async () => {
  if (socket || run.disabled) return;
  run.disabled = true;
  rows.replaceChildren();
  table.hidden = missing.hidden = true;
  say("The text is checked …");
  const answer = await fetch(panel.dataset.run + from, { method: "POST", headers: { "x-csrf-token": csrf, accept: "application/json" }, body: new URLSearchParams({ text: text.value }) }).catch(() => null);
  const said = await answer?.json().catch(() => null);
  run.disabled = false;
  if (!answer?.ok || answer.redirected || !said?.id) return say(said?.detail || "Portunus could not be reached. Test it again.");
  watch(said.id);
};

function watch(id) {
  socket = new WebSocket(new URL(`${panel.dataset.watch}/${id}`, location.href.replace(/^http/, "ws")));
  socket.onmessage = ({ data }) => { const event = JSON.parse(data); heard[event.e]?.(event); };
  socket.onclose = over;
  told = false;
  run.hidden = true;
  stop.hidden = false;
  say("The pages are opened …");
  stop.focus();
}

function over() {
  if (!told) say("Stopped.");
  const mine = document.activeElement === stop;
  socket = null;
  run.hidden = false;
  stop.hidden = true;
  if (mine) run.focus();
}

function cell(label, words) {
  const one = element("td", words);
  one.dataset.label = label;
  return one;
}

const heard = {
  shown({ page, expected, seen, right }) {
    const row = document.createElement("tr"), result = cell("Result", ""), badge = element("span", right ? "pass" : "fail", { className: "badge" });
    badge.dataset.state = right ? "warm" : "stopped";
    result.append(badge);
    row.append(element("th", `${page}.html`, { scope: "row" }), cell("Expected", plain(expected)), cell("Taken for", plain(seen)), result);
    rows.append(row);
    table.hidden = false;
    if (!right) say(`${page}.html: taken for ${plain(seen)}.`);
  },
  done({ words, missing: sentences }) {
    told = true;
    say(words);
    list.replaceChildren(...sentences.map((one) => element("li", one[0].toUpperCase() + one.slice(1))));
    missing.hidden = !sentences.length;
  },
  ended({ words }) {
    told = true;
    say(words);
  },
};

stop.onclick = () => { socket?.close(); };
addEventListener("pagehide", () => { socket?.close(); });
