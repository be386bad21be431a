// Waiting for what a test expects, with a watchdog that says what never came.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

/** Asks `look` until `holds` is true of what it gives; gives that. Polling is all that a page's statistics allow. */
export async function until(what, look, holds, limitMs = 15000) {
  const end = Date.now() + limitMs;
  let last;
  do {
    last = await look();
    if (holds(last)) return last;
    await pause(100);
  } while (Date.now() < end);
  assert.fail(`${limitMs} ms passed without ${what}; last seen: ${JSON.stringify(last)}`);
}

export const isColour = (seen, wanted) => !!seen && seen.every((v, i) => Math.abs(v - wanted[i]) < 60);
export const isPitch = (seen, wanted) => Math.abs(seen - wanted) < 25;

/** `user` sees the colour and hears the pitch of `producer`, and the picture moves. */
export async function expectMedia(room, user, producer, source, { video = 0, limitMs } = {}) {
  const right = await until(`${user} seeing ${source.colour} and hearing ${source.pitch} Hz of ${producer}`,
    () => room.seen(user, producer),
    (s) => isColour(s?.video[video]?.colour, source.colour) && (!source.pitch || isPitch(s.audio[0]?.pitch ?? 0, source.pitch)),
    limitMs);
  const { frames } = right.video[video];
  return until(`${producer}'s picture moving for ${user}`, () => room.seen(user, producer), (s) => s.video[video].frames > frames + 5);
}
