// Draws the stream's messages on a canvas. The viewer and the player share it: what is recorded is what was shown.
// Layout of the bytes: docs/ARCHITECTURE.md, "Stream wire".

export const FRAME = 1, UPDATE = 2, EVENT = 3;

/** Splits one message. `body` is what follows the common head. */
export function parse(buffer) {
  const view = new DataView(buffer);
  const head = { kind: view.getUint8(0), tab: view.getUint16(2), seq: view.getUint32(4), ms: view.getUint32(8) };
  if (head.kind === EVENT) head.event = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 12)));
  return { ...head, buffer, view };
}

const picture = (bytes) => createImageBitmap(new Blob([bytes], { type: "image/png" }));

/** Draws a FRAME or UPDATE; resolves when its pixels are on the canvas. */
export async function draw(context, message) {
  const { view, buffer } = message;
  if (message.kind === FRAME) {
    const bitmap = await picture(new Uint8Array(buffer, 16));
    const canvas = context.canvas;
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
    }
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    return;
  }
  let at = 12;
  const moves = [], tiles = [];
  for (let n = view.getUint8(at++); n > 0; n--, at += 10)
    moves.push([view.getUint16(at), view.getUint16(at + 2), view.getUint16(at + 4), view.getUint16(at + 6), view.getInt16(at + 8)]);
  let count = view.getUint16(at);
  for (at += 2; count > 0; count--) {
    const size = view.getUint32(at + 8);
    tiles.push([view.getUint16(at), view.getUint16(at + 2), picture(new Uint8Array(buffer, at + 12, size))]);
    at += 12 + size;
  }
  const bitmaps = await Promise.all(tiles.map((tile) => tile[2]));
  for (const [x, y, w, h, dy] of moves) context.drawImage(context.canvas, x, y + dy, w, h, x, y, w, h);
  bitmaps.forEach((bitmap, n) => {
    context.drawImage(bitmap, tiles[n][0], tiles[n][1]);
    bitmap.close();
  });
}
