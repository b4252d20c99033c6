// From one open portal to another without the mouse: Ctrl+Alt+K, then an arrow, a letter or a number, then Enter.

const $ = (id) => document.getElementById(id);
const box = $("switcher"), list = $("switcher-list");

/** Lists the person's open portals; `here` is this one's lease, `back` gives the focus back. */
export async function switchPortal(here, say, back) {
  const answer = await fetch("/api/v1/tiles").catch(() => null);
  if (!answer?.ok) return say("Your open portals cannot be listed just now. Try again.");
  const open = (await answer.json()).data.filter((tile) => tile.lease_id);
  list.replaceChildren(...open.map((tile, at) => {
    const row = document.createElement("li"), link = document.createElement("a");
    link.href = `/tabs/${tile.lease_id}`;
    link.textContent = `${at + 1}. ${tile.portal_name} · ${tile.location_name} · ${tile.state_words}`;
    if (tile.lease_id === here) link.setAttribute("aria-current", "page");
    row.append(link);
    return row;
  }));
  box.onclose = back;
  box.showModal();
  const links = [...list.querySelectorAll("a")];
  (links[links.findIndex((link) => link.hasAttribute("aria-current")) + 1] || links[0])?.focus();
}

box.onkeydown = (event) => {
  const links = [...list.querySelectorAll("a")], at = links.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
  if (to !== undefined && links.length) links[(to + links.length) % links.length].focus();
  else if (/^[1-9]$/.test(event.key)) links[event.key - 1]?.click();
  else if (/^\p{L}$/u.test(event.key) && !event.ctrlKey) [...links.slice(at + 1), ...links].find((link) => link.textContent.replace(/^\d+\. /, "").toLowerCase().startsWith(event.key.toLowerCase()))?.focus();
  else return;
  event.preventDefault();
};
