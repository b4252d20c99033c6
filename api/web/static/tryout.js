// The live view beside the script: the text as it stands is run, its steps and the page's pictures come as they happen.

const $ = (id) => document.getElementById(id);
const panel = $("try"), form = $("try-form"), hands = $("try-hands"), state = $("try-state"), steps = $("try-steps");
const next = $("try-next"), pause = $("try-pause"), stop = $("try-stop"), ask = $("try-ask"), canvas = $("try-picture");
const csrf = document.querySelector("meta[name=csrf]").content;
const editor = $("editor"), text = $("text");
const from = new URL(editor.dataset.check, location.href).search;
let socket = null, row = null, paused = false, told = false;

const say = (words) => { state.textContent = words; };
const send = (word, more = {}) => { if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ t: word, ...more })); };
const run = form.querySelector("button[type=submit]");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (socket || run.disabled) return;
  run.disabled = true;
  say("The text is checked …");
  const body = new URLSearchParams(new FormData(form));
  body.set("text", text.value);
  const answer = await fetch(panel.dataset.run + from, { method: "POST", headers: { "x-csrf-token": csrf, accept: "application/json" }, body }).catch(() => null);
  const said = await answer?.json().catch(() => null);
  if (!answer?.ok || answer.redirected || !said?.id) {
    run.disabled = false;
    return say(said?.detail || "Portunus could not be reached. Run it again.");
  }
  watch(said.id);
});

function watch(id) {
  socket = new WebSocket(new URL(`${panel.dataset.run}/${id}`, location.href.replace(/^http/, "ws")));
  socket.binaryType = "blob";
  socket.onmessage = ({ data }) => (typeof data === "string" ? hear(JSON.parse(data)) : show(data));
  socket.onclose = over;
  row = null;
  told = paused = false;
  steps.replaceChildren();
  form.hidden = true;
  canvas.hidden = ask.hidden = true;
  hands.hidden = false;
  pause.textContent = "Pause";
  next.disabled = true;
  say("A browser is started …");
  stop.focus();
}

function over() {
  if (!told) say("Stopped.");
  const mine = panel.contains(document.activeElement);
  socket = null;
  run.disabled = false;
  hands.hidden = ask.hidden = true;
  form.hidden = false;
  row?.classList.remove("now");
  if (mine) run.focus();
}

const heard = {
  step({ n, do: act, where }) {
    row = document.createElement("li");
    row.value = n;
    row.className = "now";
    row.append(act.replaceAll("_", " "));
    if (where) {
      const find = document.createElement("button");
      Object.assign(find, { type: "button", className: "find", title: "Find it in the script" });
      find.dataset.find = where;
      find.append(Object.assign(document.createElement("code"), { textContent: where }));
      row.append(" ", find);
    }
    steps.append(row);
    steps.scrollTop = steps.scrollHeight;
    say(`Step ${n}: ${act.replaceAll("_", " ")}`);
  },
  stepped({ ok, saw, why }) {
    row.classList.remove("now");
    row.classList.toggle("stopped", !ok);
    if (saw || why) row.append(Object.assign(document.createElement("span"), { className: "small", textContent: why ? ` ${why}` : ` saw ${saw}` }));
    ask.hidden = true;
  },
  paused({ n }) {
    standing(true);
    say(`Paused before step ${n}.`);
  },
  ask({ what, words }) {
    $("try-question").textContent = words;
    $("try-answer").value = "";
    $("try-answer").type = what === "code" ? "text" : "password";
    ask.hidden = false;
    say("It waits for you.");
    $("try-answer").focus();
  },
  says({ words }) {
    steps.append(Object.assign(document.createElement("li"), { className: "said-by", textContent: words }));
    say(words);
  },
  done({ outcome, words, line, file }) {
    told = true;
    say(outcome === "signed_in" ? words : `${outcome.replaceAll("_", " ")}: ${words}`);
    if (!line) return;
    const go = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: `Go to line ${line}, where it stopped` });
    if (!location.pathname.includes(`/scripts/${file}/`)) return state.append(` (${file}.py line ${line})`);
    go.dataset.line = line;
    state.append(" ", go);
  },
  ended({ words }) {
    told = true;
    say(words);
  },
};
const hear = (event) => heard[event.e]?.(event);

async function show(picture) {
  const drawn = await createImageBitmap(picture);
  Object.assign(canvas, { width: drawn.width, height: drawn.height, hidden: false });
  canvas.getContext("2d").drawImage(drawn, 0, 0);
}

// ---- what she does

function standing(still) {
  paused = still;
  next.disabled = !still;
  pause.textContent = still ? "Go on" : "Pause";
  if (still && document.activeElement === document.body) next.focus();
}

next.onclick = () => { send("next"); };
pause.onclick = () => { send(paused ? "go" : "pause"); if (paused) standing(false); else say("It stops before the next step."); };
stop.onclick = () => { send("stop"); socket?.close(); };
ask.addEventListener("submit", (event) => {
  event.preventDefault();
  send("answer", { words: $("try-answer").value });
  ask.hidden = true;
  stop.focus();
});
addEventListener("pagehide", () => { socket?.close(); });
