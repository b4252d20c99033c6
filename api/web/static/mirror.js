// The remote page as a tree of our own elements for screen readers: same words, same roles, one element for one node as long as
// that stands; what is done here is done there, and the focus of both goes together.

const TAGS = { list: "ul", listitem: "li", paragraph: "p", table: "table", caption: "caption", row: "tr", cell: "td", columnheader: "th", rowheader: "th" };
const LANDMARKS = { main: "Main part", banner: "Header", contentinfo: "Footer", navigation: "Navigation", complementary: "Beside", form: "Form", region: "Part", search: "Search", article: "Article" };
const OURS = ["main", "banner", "contentinfo", "complementary", "article", "form"]; // the page around has them: inside it is a region
const NAMED = { dialog: "Dialog", alertdialog: "Dialog", group: "Group", radiogroup: "Choice", listbox: "List", tablist: "Tabs", Iframe: "Frame" };
const LIVE = ["alert", "status", "log", "timer", "marquee"];
const WORDS = ["textbox", "searchbox", "spinbutton", "DateTime", "Date", "InputTime", "ColorWell"];
const BOXES = ["checkbox", "radio", "switch"];
const PRESSED = ["button", "link", "menuitem", "treeitem", "tab", "option", "combobox", "slider"];
const PICKED = ["date", "time", "month", "week", "datetime-local", "color", "range"];
const MOVES = ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End", "PageUp", "PageDown", "Escape"];
const TYPING_MS = 250, PICKING_MS = 700;

let root = null, send = () => {}, nodes = new Map(), acts = 0, waiting = null, timer = 0, moving = false, there = 0;

/** Shows in `box` what is told from now on; acts go through `to`. */
export function open(box, to) {
  forget();
  if (root !== box) box.addEventListener("focusin", ({ target }) => { if (!moving && target.dataset.n) act(target, "focus"); });
  root = box;
  send = to;
}

/** Nothing of the portal is left here. */
export function forget() {
  clearTimeout(timer);
  waiting = null;
  nodes = new Map();
  root?.replaceChildren();
}

/** Takes in what changed: `set` are [number, role, name, more], `kids` are [number, its children]; 0 is the whole. */
export function reflect({ fresh, after, set, kids, focus }) {
  const held = root.contains(document.activeElement) && document.activeElement !== root ? document.activeElement : null;
  const order = held ? stops() : [], at = order.indexOf(held);
  if (fresh) { forget(); acts = there = 0; }
  for (const [number, ...words] of set) nodes.set(number, shown(number, nodes.get(number), words, after));
  for (const [number, below] of kids) arrange(number ? nodes.get(number) : root, below.map((one) => nodes.get(one)).filter(Boolean));
  for (const [number, one] of nodes) if (!root.contains(one)) nodes.delete(number);
  const moved = focus !== undefined && after >= acts && focus !== there; // an older word of where the focus is there counts no more
  if (focus !== undefined && after >= acts) there = focus;
  if (!held) return;
  const wanted = moved ? nodes.get(focus) : null;
  const left = order.slice(at).concat(order.slice(0, Math.max(at, 0)).reverse()).find((one) => root.contains(one));
  move(wanted?.focus && wanted.dataset.n ? wanted : held.isConnected ? held : nodes.get(Number(held.dataset.n)) || left || root);
}

const stops = () => [...root.querySelectorAll("[data-n]")];
function move(one) {
  if (document.activeElement === one) return;
  moving = true;
  one.focus({ preventScroll: true });
  moving = false;
}

/** Puts these, in this order, into `one`; what stands right is not touched. */
function arrange(one, wanted) {
  if (!one || one.nodeType !== Node.ELEMENT_NODE || one.dataset.leaf) return;
  const kept = new Set(wanted);
  for (const child of [...one.childNodes]) if (!kept.has(child)) child.remove();
  let here = one.firstChild;
  for (const child of wanted) {
    if (child === here) here = here.nextSibling;
    else one.insertBefore(child, here);
  }
}

function act(one, what, v) { send({ t: "act", n: Number(one.dataset.n), do: what, v, i: ++acts }); }

/** The element for a node: the one that stands there, painted again, while it is of the same kind. */
function shown(number, before, [role, name, more], after) {
  if (role === "StaticText") {
    const words = `${name} `;
    if (before?.nodeType !== Node.TEXT_NODE) return document.createTextNode(words);
    if (before.data !== words) before.data = words;
    return before;
  }
  const kind = [role, more.secret && "secret", more.kind, more.options && "options", more.multiple].filter(Boolean).join(" ");
  let one = before;
  if (one?.dataset?.kind !== kind) {
    one = made(role, more);
    one.dataset.kind = kind;
    if (before) { one.append(...before.childNodes); before.replaceWith(one); }
    if (one.dataset.leaf) one.dataset.n = number;
  }
  paint(one, role, name, more, after);
  return one;
}

function made(role, more) {
  if (more.options) return lives(document.createElement("select"), (one) => { one.multiple = Boolean(more.multiple); one.onchange = () => act(one, "choose", [...one.options].flatMap((option, at) => (option.selected ? [at] : []))); });
  if (WORDS.includes(role) || (["combobox", "slider"].includes(role) && (more.kind === "input" || more.secret || (more.kind && !["div", "button", "span"].includes(more.kind))))) return field(role, more);
  if (BOXES.includes(role) || PRESSED.includes(role)) return lives(document.createElement("button"), (one) => {
    one.type = "button";
    if (BOXES.includes(role) || ["link", "tab", "option"].includes(role)) one.setAttribute("role", role);
    one.onclick = () => { if (one.ariaDisabled !== "true") act(one, "press"); };
    one.onkeydown = (event) => { if (!BOXES.includes(role) && role !== "link" && MOVES.includes(event.key)) { act(one, "key", event.key); event.preventDefault(); } };
  });
  const group = document.createElement(role === "image" ? "span" : TAGS[role] || "div");
  if (role === "columnheader" || role === "rowheader") group.scope = role === "rowheader" ? "row" : "col";
  if (OURS.includes(role)) group.setAttribute("role", "region");
  else if (role === "image") group.setAttribute("role", "img");
  else if (role === "Iframe") group.setAttribute("role", "group");
  else if (role in LANDMARKS || role in NAMED || LIVE.includes(role) || ["heading", "progressbar", "meter"].includes(role)) group.setAttribute("role", role);
  return group;
}

function lives(one, more) {
  one.dataset.leaf = "1";
  more(one);
  return one;
}

function field(role, more) {
  const long = more.kind === "textarea", picked = PICKED.includes(more.kind);
  return lives(document.createElement(long ? "textarea" : "input"), (one) => {
    if (!long) one.type = more.secret ? "password" : picked ? more.kind : "text";
    if (["combobox", "searchbox", "spinbutton"].includes(role) && !more.secret) one.setAttribute("role", role);
    one.autocomplete = "off";
    one.spellcheck = false;
    one.oninput = () => { waiting = one; clearTimeout(timer); timer = setTimeout(tell, picked ? PICKING_MS : TYPING_MS); };
    one.onchange = () => { if (picked) return one.oninput(); waiting = one; tell(); }; // a date changes with each digit of its year
    one.onblur = () => { if (waiting === one) tell(); };
    one.onkeydown = (event) => {
      if (event.isComposing || picked) return;
      const moves = ["ArrowUp", "ArrowDown", "Escape"].includes(event.key) && !long;
      if (!moves && (event.key !== "Enter" || long)) return;
      tell();
      act(one, "key", event.key);
      event.preventDefault();
    };
  });
}

/** What was typed goes to the portal. */
function tell() {
  const one = waiting;
  clearTimeout(timer);
  waiting = null;
  if (one && !one.readOnly) act(one, "fill", one.value);
}

const put = (one, what, value) => {
  if (value === undefined || value === null) { if (one.hasAttribute(what)) one.removeAttribute(what); }
  else if (one.getAttribute(what) !== String(value)) one.setAttribute(what, String(value));
};
const yes = (state) => (state ? "true" : undefined);

function paint(one, role, name, more, after) {
  const leaf = Boolean(one.dataset.leaf), button = one instanceof HTMLButtonElement;
  if (button && !BOXES.includes(role)) {
    const words = [name, more.words ?? more.value].filter(Boolean).join(": ") || role;
    if (one.textContent !== words) one.textContent = words;
  } else if (leaf) put(one, "aria-label", name || "Unnamed");
  else if (role === "image" || role in LANDMARKS || role in NAMED) put(one, "aria-label", name || LANDMARKS[role] || NAMED[role] || "Picture");
  else if (["progressbar", "meter"].includes(role)) { put(one, "aria-label", name || role); put(one, "aria-valuetext", more.value || ""); put(one, "aria-valuenow", parseFloat(more.value) || 0); }
  if (role === "heading") put(one, "aria-level", more.level || 2);
  put(one, "aria-live", LIVE.includes(role) ? undefined : more.live);
  put(one, "aria-busy", yes(more.busy));
  put(one, "aria-description", more.description);
  if (!leaf) return;
  if (BOXES.includes(role)) put(one, "aria-checked", role !== "checkbox" && more.checked === "mixed" ? "false" : more.checked || "false");
  if (role === "tab" || role === "option") put(one, "aria-selected", Boolean(more.selected));
  else if (button && !BOXES.includes(role) && role !== "link") put(one, "aria-pressed", more.pressed);
  const lists = !button && role === "combobox" && !more.options && !more.secret;
  if (role !== "option" && (button || lists)) put(one, "aria-expanded", lists ? Boolean(more.expanded) : more.expanded);
  if (lists) put(one, "aria-controls", more.expanded ? root.id : undefined);
  if (button && more.popup) put(one, "aria-haspopup", "true");
  put(one, "aria-disabled", yes(more.disabled));
  if (button) return;
  put(one, "aria-required", yes(more.required));
  put(one, "aria-invalid", more.invalid);
  for (const what of ["min", "max", "step"]) if (one instanceof HTMLInputElement) put(one, what, more[what]);
  if (more.options) return options(one, more.options);
  one.readOnly = Boolean(more.readonly || more.disabled);
  const busy = document.activeElement === one && (waiting === one || after < acts);
  if (!more.secret && !busy && one.value !== (more.value || "")) one.value = more.value || "";
}

function options(one, all) {
  all.forEach(([words, , disabled], at) => {
    const option = one.options[at] || one.appendChild(document.createElement("option"));
    if (option.textContent !== words) option.textContent = words;
    option.disabled = disabled;
  });
  while (one.options.length > all.length) one.options[one.options.length - 1].remove();
  all.forEach(([, selected], at) => { if (one.options[at].selected !== selected) one.options[at].selected = selected; });
}
