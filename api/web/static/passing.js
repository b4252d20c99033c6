// Other people and one's own tab: who looks on, handing it over, and whose eyes the picture is for.

import { mark } from "./watermark.js";

const $ = (id) => document.getElementById(id);
const stage = $("stage"), watched = $("watched"), box = $("hand-over"), title = () => document.title.replace(/^👁 /u, "");

addEventListener("portunus:watched", ({ detail: by }) => {
  watched.hidden = !by.length;
  watched.textContent = by.length ? `${new Intl.ListFormat("en").format(by)} ${by.length > 1 ? "watch" : "watches"} this tab now.` : "";
  stage.classList.toggle("is-watched", by.length > 0);
  document.title = by.length ? `👁 ${title()}` : title();
  dispatchEvent(new Event("resize")); // the picture makes room for the line
});

if (box) {
  $("hand-over-open").onclick = async () => {
    const answer = await fetch(`/api/v1/tabs/${stage.dataset.leaseId}/colleagues`).catch(() => null);
    const { data } = answer?.ok ? await answer.json() : { data: [] };
    $("hand-over-to").replaceChildren(...data.map(({ id, name }) => new Option(name, id)));
    $("hand-over-none").hidden = data.length > 0;
    $("hand-over-do").disabled = !data.length;
    box.showModal();
  };
  $("hand-over-cancel").onclick = () => { box.close(); stage.querySelector("textarea")?.focus({ preventScroll: true }); };
}

mark(stage, document.querySelector(".who a").textContent);
