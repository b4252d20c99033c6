// Which pictures of a stretch of a recording are seen at its end: what is drawn over meanwhile is not decoded for a jump.

import { FRAME, moves } from "./draw.js";

const CELL = 16; // pixels; what a cell holds is needed as long as one pixel of it may be

/** The pictures of `messages` (a FRAME and what came after it) that can be seen after the last one: a list for each message. */
export function needed(messages) {
  const [{ w: width, h: height } = { w: 0, h: 0 }] = messages[0]?.found ?? [];
  const wide = Math.ceil(width / CELL), high = Math.ceil(height / CELL), wanted = new Uint8Array(wide * high).fill(1);
  const touched = ({ x, y, w, h }) => cells(x / CELL, y / CELL, (x + w) / CELL, (y + h) / CELL, Math.floor, Math.ceil);
  const filled = ({ x, y, w, h }) => cells(x / CELL, y / CELL, edge(x + w, width), edge(y + h, height), Math.ceil, Math.floor);
  const edge = (at, end) => (at >= end ? Math.ceil(end / CELL) : at / CELL); // a cell cut off by the rim is filled up to the rim

  function cells(left, top, right, bottom, low, up) {
    const found = [];
    for (let row = Math.max(low(top), 0); row < Math.min(up(bottom), high); row++)
      for (let column = Math.max(low(left), 0); column < Math.min(up(right), wide); column++) found.push(row * wide + column);
    return found;
  }

  const kept = messages.map(() => []);
  for (let number = messages.length - 1; number >= 0; number--) {
    const message = messages[number];
    for (const tile of [...message.found].reverse()) {
      if (message.kind !== FRAME && !touched(tile).some((cell) => wanted[cell])) continue;
      kept[number].unshift(tile);
      for (const cell of filled(tile)) wanted[cell] = 0;
    }
    for (const { x, y, w, h, dy } of moves(message).reverse()) {
      const rows = new Set();
      for (const cell of touched({ x, y, w, h })) if (wanted[cell]) rows.add(Math.floor(cell / wide));
      for (const cell of filled({ x, y, w, h })) wanted[cell] = 0;
      for (const row of rows) {
        const above = Math.max(row * CELL, y), below = Math.min((row + 1) * CELL, y + h);
        for (const cell of touched({ x, y: above + dy, w, h: below - above })) wanted[cell] = 1;
      }
    }
  }
  return kept;
}
