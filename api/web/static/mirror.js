// The remote page as a tree of our own elements for screen readers: same words, same roles; what is done here is done there.

const GROUPS = { list: "ul", listitem: "li", paragraph: "p", table: "table", row: "tr", cell: "td", columnheader: "th", rowheader: "th", heading: "div" };
const ROLES = ["navigation", "main", "banner", "contentinfo", "form", "region", "search", "dialog", "alert", "status", "article", "complementary"];

/** Rebuilds `root` from [depth, role, name, number, more]; the focus stays on the node it was on. */
export function reflect(root, nodes, send) {
  const held = document.activeElement?.closest?.("#mirror") ? document.activeElement.dataset.n : null;
  const open = [root], made = [];
  for (const [depth, role, name, number, more] of nodes) {
    const one = element(role, name, number, more, send);
    open.length = depth + 1;
    (open[depth] || root).append(one);
    open[depth + 1] = one;
    made.push(one);
  }
  root.replaceChildren(...made.filter((one) => one.parentNode === root));
  if (held) root.querySelector(`[data-n="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
}

function element(role, name, number, more, send) {
  const act = (what, v) => send({ t: "act", n: number, do: what, v });
  if (role === "StaticText") return document.createTextNode(`${name} `);
  if (["textbox", "searchbox", "spinbutton"].includes(role)) {
    const field = document.createElement("input");
    field.type = more.secret ? "password" : "text";
    field.value = more.value || "";
    field.autocomplete = "off";
    field.onchange = () => act("fill", field.value);
    return named(field, name || "Field", number, more);
  }
  if (["checkbox", "radio", "switch"].includes(role)) {
    const box = document.createElement("button");
    box.type = "button";
    box.setAttribute("role", role);
    box.setAttribute("aria-checked", more.checked === "true" ? "true" : more.checked === "mixed" ? "mixed" : "false");
    box.onclick = () => act("press");
    return named(box, name, number, more);
  }
  if (["button", "link", "combobox", "listbox", "menuitem", "tab", "slider", "DateTime", "Date", "InputTime", "ColorWell"].includes(role)) {
    const press = document.createElement("button");
    press.type = "button";
    if (role === "link") press.setAttribute("role", "link");
    press.textContent = [name, more.value].filter(Boolean).join(": ") || role;
    press.onclick = () => act("press");
    if (more.expanded !== undefined) press.setAttribute("aria-expanded", String(more.expanded));
    press.dataset.n = number;
    press.disabled = Boolean(more.disabled);
    return press;
  }
  if (role === "image") return document.createTextNode(name ? `${name} ` : "");
  const group = document.createElement(GROUPS[role] || "div");
  if (role === "heading") { group.setAttribute("role", "heading"); group.setAttribute("aria-level", String(more.level || 2)); }
  else if (ROLES.includes(role)) { group.setAttribute("role", ["main", "banner", "contentinfo", "dialog"].includes(role) ? "region" : role); group.setAttribute("aria-label", name || role); }
  return group;
}

function named(one, name, number, more) {
  one.setAttribute("aria-label", name || "Unnamed");
  one.dataset.n = number;
  one.disabled = Boolean(more.disabled);
  if (more.required) one.setAttribute("aria-required", "true");
  return one;
}
