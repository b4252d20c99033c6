// Whose eyes a picture is for: name and day over it, faint enough to work, plain enough on a photograph of the screen.

/** Lays `name` and today over `place`; clicks and keys go through. */
export function mark(place, name) {
  const tile = document.createElement("canvas"), context = tile.getContext("2d");
  tile.width = 360;
  tile.height = 200;
  context.translate(10, 150);
  context.rotate(-Math.PI / 9);
  context.font = "15px sans-serif";
  context.fillStyle = "rgba(90, 90, 90, 0.13)";
  context.strokeStyle = "rgba(255, 255, 255, 0.1)"; // on dark pages
  context.lineWidth = 2;
  context.strokeText(`${name} · ${new Date().toISOString().slice(0, 10)}`, 0, 0);
  context.fillText(`${name} · ${new Date().toISOString().slice(0, 10)}`, 0, 0);
  const layer = document.createElement("div");
  layer.className = "watermark";
  layer.setAttribute("aria-hidden", "true");
  layer.dataset.name = name;
  layer.style.backgroundImage = `url(${tile.toDataURL()})`;
  place.append(layer);
}
