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

const RUNS = 0x50, NAME = 0x53, KINDS = { 0xff: "image/jpeg", 0x89: "image/png", 0x52: "image/webp" };
const KEPT_AREA = 4096, KEPT_BYTES = 24 * 1024 * 1024; // as in workers/browser/told.py: both sides forget alike
const picture = (bytes) => createImageBitmap(new Blob([bytes], { type: KINDS[bytes[0]] }));

/** The pictures of a message and their places: one of a FRAME, the tiles of an UPDATE. */
function pictures(message) {
  const { view, buffer, kind } = message;
  if (kind === FRAME) return [{ x: 0, y: 0, w: view.getUint16(12), h: view.getUint16(14), bytes: new Uint8Array(buffer, 16) }];
  const found = [];
  let at = 13 + view.getUint8(12) * 10;
  let count = view.getUint16(at);
  for (at += 2; count > 0; count--) {
    const size = view.getUint32(at + 8);
    found.push({ x: view.getUint16(at), y: view.getUint16(at + 2), w: view.getUint16(at + 4), h: view.getUint16(at + 6), bytes: new Uint8Array(buffer, at + 12, size) });
    at += 12 + size;
  }
  return found;
}

/** The pictures that came, for those that come again as a name. A recording's player keeps them all. */
export class Kept {
  #pictures = new Map();
  #bytes = 0;
  constructor(most = KEPT_BYTES) { this.most = most; }

  /** Every message goes through here once, in its order; answers its pictures, names resolved. */
  take(message) {
    if (message.kind === EVENT) return [];
    return pictures(message).map((one, place) => {
      if (one.bytes[0] === NAME) {
        const name = new DataView(one.bytes.buffer, one.bytes.byteOffset);
        return { ...one, bytes: this.#pictures.get(`${name.getUint32(1)}.${name.getUint16(5)}`) };
      }
      if (one.w * one.h >= KEPT_AREA) {
        this.#pictures.set(`${message.seq}.${place}`, one.bytes);
        this.#bytes += one.bytes.length;
        for (const [name, bytes] of this.#pictures) {
          if (this.#bytes <= this.most) break;
          this.#bytes -= bytes.length;
          this.#pictures.delete(name);
        }
      }
      return one;
    });
  }
}

/** A tile of palette runs (workers/browser/tiles.py) as image data, at once: no decoder, no waiting. */
function runs(bytes, width, height) {
  const colours = new Uint32Array(bytes[1] + 1), image = new ImageData(width, height);
  let from = 2;
  for (let n = 0; n < colours.length; n++, from += 3) colours[n] = (0xff000000 | (bytes[from + 2] << 16) | (bytes[from + 1] << 8) | bytes[from]) >>> 0;
  const pixels = new Uint32Array(image.data.buffer);
  for (let at = 0; from + 1 < bytes.length; from += 2) { pixels.fill(colours[bytes[from]], at, at + bytes[from + 1]); at += bytes[from + 1]; }
  return image;
}

/** The tab's size in its own pixels, as input and places are told. */
export const size = (canvas) => ({ w: canvas.width, h: canvas.height });

/** What `Kept` found for a message, each as an image or the promise of one: they are decoded from now on, beside each other. */
export const decode = (message, found) => found.map(({ bytes, ...place }) => ({ ...place, image: message.kind !== FRAME && bytes[0] === RUNS ? runs(bytes, place.w, place.h) : picture(bytes) }));

/** Rows that move up or down, in their order, each taken from `dy` below its new place. */
export function moves({ kind, view }) {
  const found = [];
  for (let n = kind === FRAME ? 0 : view.getUint8(12), at = 13; n > 0; n--, at += 10)
    found.push({ x: view.getUint16(at), y: view.getUint16(at + 2), w: view.getUint16(at + 4), h: view.getUint16(at + 6), dy: view.getInt16(at + 8) });
  return found;
}

/** Draws a FRAME or UPDATE with its decoded pictures; resolves when its pixels are on the canvas. */
export async function draw(context, message, tiles) {
  if (message.kind === FRAME) {
    const { w: wide, h: high, image } = tiles[0], bitmap = await image, canvas = context.canvas;
    if (canvas.width !== wide || canvas.height !== high) {
      canvas.width = wide;
      canvas.height = high;
    }
    context.drawImage(bitmap, 0, 0, wide, high); // one of fewer pixels is stretched
    bitmap.close();
    return;
  }
  // All at once when the last is decoded: nobody sees half a change. Plain tiles wait for nothing.
  if (tiles.some(({ image }) => image instanceof Promise)) for (const tile of tiles) tile.image = await tile.image;
  for (const { x, y, w, h, dy } of moves(message)) context.drawImage(context.canvas, x, y + dy, w, h, x, y, w, h);
  for (const { x, y, w, h, image } of tiles) {
    if (image instanceof ImageData) context.putImageData(image, x, y);
    else { context.drawImage(image, x, y, w, h); image.close(); }
  }
}
