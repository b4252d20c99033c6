// Lookups: watch what changes, show the evidence beside the value, copy in PMS order. Without this script links do the same.

const LOOK_MS = 2000;

for (const part of document.querySelectorAll("[data-watch]")) {
  const address = part.dataset.watch, ended = () => part.querySelector("[data-ended]")?.dataset.ended === "yes";
  const fresh = document.createElement("template");
  let wasOver = ended(), shown = part.innerHTML.trim();
  const look = async () => {
    if (document.visibilityState === "visible") {
      const answer = await fetch(address, { headers: { accept: "text/html" } }).catch(() => null);
      if (answer && answer.ok && !answer.redirected) {
        fresh.innerHTML = await answer.text(); // our own page, escaped by the server
        if (fresh.innerHTML.trim() !== shown) { // not with the page itself: translators and others change that
          const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
          part.innerHTML = fresh.innerHTML;
          shown = fresh.innerHTML.trim();
          if (focused) part.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
        }
        if (ended()) { if (!wasOver) location.reload(); return; }
        wasOver = false;
      } else if (answer && (answer.status === 401 || answer.redirected)) return;
    }
    setTimeout(look, LOOK_MS);
  };
  look();
}

const file = document.getElementById("file");
if (file) { // a browser that is refused in the middle of sending shows its own error page, not ours
  const most = Number(file.dataset.most), said = document.getElementById("file-error");
  file.addEventListener("change", () => {
    const large = file.files[0] && file.files[0].size > most;
    said.textContent = large ? `That is too large: the limit is ${most / 1e6} MB. Split the file and send its parts one after the other.` : "";
    said.hidden = !large;
    file.setCustomValidity(said.textContent);
  });
}

const proof = document.getElementById("proof");
if (proof) {
  for (const value of document.querySelectorAll("a.value")) {
    value.addEventListener("click", async (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      for (const other of document.querySelectorAll("a.value[aria-current]")) other.removeAttribute("aria-current");
      value.setAttribute("aria-current", "true");
      const answer = await fetch(value.href, { headers: { accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const title = document.createElement("h2"), whole = document.createElement("a");
      title.textContent = page.querySelector("h1")?.textContent || "";
      whole.href = value.href; whole.textContent = "All pages the lookup saw";
      proof.replaceChildren(title, ...(page.getElementById("evidence")?.children || []), whole);
    });
  }
}

const copy = document.getElementById("copy");
if (copy) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    const lines = [...document.querySelectorAll("[data-copy]")].map((list) =>
      [...list.querySelectorAll("dd")].map((one) => (one.querySelector("[data-empty]") ? "" : one.textContent.trim())).join("\t"));
    const said = document.getElementById("copied");
    try { await navigator.clipboard.writeText(lines.join("\n")); said.textContent = "Copied: one value per field, Tab between them."; }
    catch { said.textContent = "The browser does not allow copying here."; }
  });
}
