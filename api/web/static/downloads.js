// Files the portal handed out in this tab: a list that stays, each file with a button of its own.

const box = document.getElementById("downloads"), list = box.querySelector("ul");

const size = (bytes) => (bytes < 1048576 ? `${Math.ceil(bytes / 1024)} KB` : `${(bytes / 1048576).toFixed(1)} MB`);

/** Put a file into the list, newest first. A file that is there already stays as it is. */
export function offer(lease, { id, name, bytes }) {
  if ([...list.children].some((item) => item.dataset.file === id)) return;
  const item = document.createElement("li"), save = document.createElement("button"), said = document.createElement("span");
  item.dataset.file = id;
  save.type = "button";
  save.className = "button button-quiet";
  save.textContent = `Save ${name} (${size(bytes)})`;
  said.className = "hint";
  said.setAttribute("role", "status");
  save.onclick = async () => {
    save.disabled = true;
    const answer = await fetch(`/tabs/${lease}/downloads/${id}`).catch(() => null);
    save.disabled = false;
    if (!answer?.ok) { said.textContent = "It cannot be had just now. Try again."; return; }
    const link = document.createElement("a"); // the name stays out of every address: it may hold a patient's
    link.href = URL.createObjectURL(await answer.blob());
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    said.textContent = "Saved.";
    save.focus();
  };
  item.append(save, " ", said);
  list.prepend(item);
  box.hidden = false;
}
