// What belongs to one field of the portal and is in no picture: what its form complains of, and what its own list suggests.

let bubble = null, close = () => {};

/** What the browser says of a field that was sent wrong, until she does something about it. `stand` places it in the tab. */
export function complaint(stage, stand, { v, label, ...place }) {
  bubble?.remove();
  bubble = null;
  if (!v) return;
  bubble = document.createElement("div");
  bubble.className = "remote-bubble";
  bubble.setAttribute("role", "alert");
  stand(bubble, place, true);
  bubble.style.minWidth = "";
  stage.append(bubble);
  bubble.textContent = label ? `${label}: ${v}` : v; // once it stands there: so it is read out
}

/** Suggestions below the field; the keyboard stays with the portal but for the keys that choose. */
export function suggest(stage, stand, { n, label, options, ...place }, { send, say }) {
  close();
  const textarea = stage.querySelector("textarea");
  if (!options.length || !textarea) return;
  let at = -1, open = true;
  const swallowed = new Set();
  const list = document.createElement("ul");
  list.className = "remote-list";
  list.id = "remote-suggestions";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", label ? `Suggestions for ${label}` : "Suggestions");
  stand(list, place, true);
  const items = options.map(([value, more], i) => {
    const item = document.createElement("li");
    item.id = `remote-suggestion-${i}`;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", "false");
    item.textContent = value;
    if (more) item.append(Object.assign(document.createElement("span"), { className: "quiet", textContent: more }));
    item.onpointerdown = (event) => { event.preventDefault(); take(i); };
    list.append(item);
    return item;
  });
  const take = (i) => { close(); send({ t: "select", n, i }); };
  const mark = (i) => {
    items[at]?.setAttribute("aria-selected", "false");
    at = (i + items.length) % items.length;
    items[at].setAttribute("aria-selected", "true");
    items[at].scrollIntoView({ block: "nearest" });
    textarea.setAttribute("aria-activedescendant", items[at].id);
  };
  const key = (event) => {
    if (event.type === "keyup") { if (!swallowed.delete(event.code)) return; }
    else {
      const act = { ArrowDown: () => mark(at + 1), ArrowUp: () => mark(at < 0 ? -1 : at - 1), Escape: close, Enter: at < 0 ? null : () => take(at) }[event.key];
      if (!act || !open || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
      swallowed.add(event.code);
      act();
    }
    event.preventDefault();
    event.stopPropagation();
  };
  for (const what of ["keydown", "keyup"]) stage.addEventListener(what, key, true);
  close = () => {
    list.remove();
    open = false;
    for (const name of ["aria-controls", "aria-autocomplete", "aria-activedescendant"]) textarea.removeAttribute(name);
    const gone = () => { for (const what of ["keydown", "keyup"]) stage.removeEventListener(what, key, true); };
    swallowed.size ? setTimeout(gone, 1000) : gone(); // the key that closed it is still to come up
    close = () => {};
  };
  textarea.setAttribute("aria-controls", list.id);
  textarea.setAttribute("aria-autocomplete", "list");
  stage.append(list);
  say(options.length === 1 ? "1 suggestion: arrow down, then Enter, takes it." : `${options.length} suggestions: arrow down, then Enter, takes one.`);
}
