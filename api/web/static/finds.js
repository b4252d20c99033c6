// A search box that narrows what stands below it, and opens what the address names.

for (const box of document.querySelectorAll("[data-finds]")) {
  const lines = [...document.querySelectorAll(box.dataset.finds)];
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const line of lines) line.hidden = !words.every((word) => line.dataset.words.includes(word));
  });
}
const named = location.hash && document.getElementById(location.hash.slice(1));
if (named?.tagName === "DETAILS") { named.open = true; named.scrollIntoView({ block: "nearest" }); }
