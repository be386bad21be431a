// The page: the entrance, the switches, and a call that is begun again for as long as the user wants to be in it.
//
// For tests: body[data-state] is "out", "connecting", "in" or "waiting" (for the next attempt). The entrance is #join-form
// with #name, #room, input[name=source] (camera, picture, nothing) and #join. The switches #mic, #camera, #screen and
// #send carry aria-checked; #leave ends. Each tile is .tile[data-user-id][data-name][data-kind=camera|screen], one's own
// with [data-self]; it has data-audio and data-video (on, off), [data-speaking], [data-waiting] (no picture yet), a
// video, an audio and .stats. What went wrong is in .notice[data-kind=error].

import { Call, nameOf } from './call.js';
import { openSource } from './source.js';
import { Tile } from './tiles.js';

const $ = (selector) => document.querySelector(selector);
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const form = $('#join-form');
const RETRY_MS = [500, 1000, 2000, 4000];
const MEASURE_MS = 1000;
const INFO_MS = 6000;
const NOT_HEARD = 'The media server is not heard. Waiting…';
const NO_SOUND = 'Click anywhere to hear the others.';

const people = new Map(); // userId -> Person
const wanted = { mic: true, camera: true, screen: null };
let me = null; // the Person who is this user
let media = null; // what openSource() gave; null: nothing is sent
let opening = null; // the openSource() that is waited for: the browser may be asking the user
let call = null; // null: out of the room, or between two attempts
let inside = false; // the user wants to be in the room
let stopWaiting = () => {}; // for the next attempt

// --- what is shown ------------------------------------------------------------------------------------------------

class Person {
  #camera;
  #screen = null;
  #newScreen;
  #media = {};
  #constraints = { audio: true, video: true };

  constructor(userId, name, own) {
    this.#camera = new Tile(userId, name, 'camera', own);
    this.#newScreen = () => new Tile(userId, name, 'screen', own);
    this.update({});
  }

  /** What is not given stays as it is. */
  update({ media: links = this.#media, constraints = this.#constraints }) {
    this.#media = links;
    this.#constraints = constraints;
    const screen = constraints.video && links.screen;
    this.#camera.show({ audio: constraints.audio && links.audio, video: constraints.video && links.camera, mirrored: links.mirrored });
    if (screen) {
      this.#screen ??= this.#newScreen();
      this.#screen.show({ video: screen });
    } else {
      this.#screen?.remove();
      this.#screen = null;
    }
  }

  get tiles() { return this.#screen ? [this.#camera, this.#screen] : [this.#camera]; }
}

function addPerson(userId, name, own = false) {
  if (!people.has(userId)) people.set(userId, new Person(userId, name, own));
  countPeople();
  return people.get(userId);
}

function removePerson(userId) {
  people.get(userId)?.tiles.forEach((tile) => tile.remove());
  people.delete(userId);
  countPeople();
}

function countPeople() {
  $('#count').textContent = ['', 'Nobody else is here yet'][people.size] ?? `${people.size} people`;
}

function dismiss(text) {
  for (const shown of document.querySelectorAll('.notice')) if (shown.textContent.trim() === text) shown.remove();
}

function notify(text, kind = 'error', lasts = kind !== 'info') {
  dismiss(text);
  const notice = $('#notice').content.firstElementChild.cloneNode(true);
  notice.dataset.kind = kind;
  notice.querySelector('p').textContent = text;
  notice.querySelector('button').onclick = () => notice.remove();
  if (!lasts) setTimeout(() => notice.remove(), INFO_MS);
  $('#notices').append(notice);
}

/** Everything that follows from `wanted`, `media` and `call`. */
function show(state = document.body.dataset.state) {
  document.body.dataset.state = state;
  const senders = call?.sender?.senders;
  const set = (id, on, enabled) => {
    $(id).setAttribute('aria-checked', !!on);
    $(id).disabled = !enabled;
  };
  set('#mic', senders?.audio && wanted.mic, senders?.audio);
  set('#camera', senders && wanted.camera, senders);
  set('#screen', senders && wanted.screen, senders);
  set('#send', senders, state === 'in' && !opening);
  me?.update({ media: senders ? {
    audio: wanted.mic && senders.audio,
    camera: wanted.camera && senders.camera,
    screen: wanted.screen && senders.screen,
    mirrored: media.mirrored,
  } : {} });
}

const view = {
  self(userId, userInfo) { me = addPerson(userId, nameOf(userInfo), true); },
  person(userId, userInfo) { addPerson(userId, nameOf(userInfo)); },
  media(userId, links) { people.get(userId)?.update({ media: links }); },
  constraints(userId, constraints) { people.get(userId)?.update({ constraints }); },
  left: removePerson,
  problem(error) { if (inside) notify(error.message); },
  heard(is) { if (is) dismiss(NOT_HEARD); else if (inside) notify(NOT_HEARD); },
};

setInterval(() => people.forEach(({ tiles }) => tiles.forEach((tile) => tile.measure())), MEASURE_MS);

// --- in the room --------------------------------------------------------------------------------------------------

/** One attempt, until it ends. A reload, a lost connection, a server started anew: everything begins here again. */
async function attempt(room, name, onIn) {
  show('connecting');
  call = new Call(view);
  try {
    await call.join(room, { name });
    onIn();
    show('in');
    if (media) send(); // not waited for: on a connection that is closed meanwhile it never ends
    await call.closed;
  } finally {
    call.close();
    call = null;
    me = null;
    [...people.keys()].forEach(removePerson);
  }
}

async function enter(room, name, source) {
  inside = true;
  $('#room-name').textContent = room;
  document.title = `${room} · sluice`;
  if (source !== 'nothing') await openMedia(source, name);
  for (let failures = 0, wasIn = false; inside; failures += 1) {
    try {
      await attempt(room, name, () => {
        document.querySelectorAll('.notice[data-kind="error"]').forEach((notice) => notice.remove());
        [failures, wasIn] = [0, true];
      });
      if (inside) notify('The connection was lost. Joining again…');
    } catch (error) {
      if (inside) notify(error.message);
    }
    if (!wasIn) inside = false; // the entrance is the place to try again
    if (inside) {
      show('waiting');
      const left = new Promise((resolve) => { stopWaiting = resolve; });
      await Promise.race([pause(RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]), left]);
    }
  }
  closeMedia();
  show('out');
}

/** Gives `media`, or null where there is nothing to send: the user has left meanwhile, say. */
async function openMedia(source, name) {
  const mine = openSource(source, name).catch(view.problem);
  opening = mine;
  show();
  const opened = await mine;
  if (opening !== mine) {
    opened?.stop();
    return null;
  }
  opening = null;
  media = opened ?? null;
  if (media?.why) notify(media.why, 'info');
  return media;
}

function closeMedia() {
  opening = null;
  media?.stop();
  media = null;
  shareScreen(null);
}

async function send() {
  try {
    const sent = call.send(media, { ...wanted });
    show();
    await sent;
  } catch (error) {
    view.problem(error);
    if (error.status) closeMedia(); // refused, not cut off: nothing tries again by itself
  }
  show();
}

/** Carries out a change of `wanted`; takes it back if that fails. */
async function change(what) {
  const before = { ...wanted };
  const sender = call?.sender;
  Object.assign(wanted, what);
  show();
  try {
    await sender?.update({ ...wanted });
  } catch (error) {
    if (call?.sender !== sender) return; // over; the next one begins with what is wanted
    Object.assign(wanted, before);
    view.problem(error);
  }
  show();
}

async function shareScreen(track) {
  wanted.screen?.stop();
  if (track) track.onended = () => change({ screen: null }); // by the browser's own button
  await change({ screen: track });
}

// --- what the user does -------------------------------------------------------------------------------------------

$('#mic').onclick = () => change({ mic: !wanted.mic });
$('#camera').onclick = () => change({ camera: !wanted.camera });
$('#screen').onclick = async () => {
  if (wanted.screen) return shareScreen(null);
  const before = media;
  try {
    const [track] = (await navigator.mediaDevices.getDisplayMedia({ video: true })).getVideoTracks();
    if (media !== before) return track.stop(); // the user has left meanwhile
    track.contentHint = 'detail';
    await shareScreen(track);
  } catch (error) {
    if (error.name !== 'NotAllowedError') notify(error.message); // not allowed: the user thought better of it
  }
};
$('#screen').hidden = !navigator.mediaDevices?.getDisplayMedia; // phones have none
$('#send').onclick = async () => {
  if (call.sender) {
    const stopped = call.stop();
    closeMedia();
    await stopped.catch(view.problem);
  } else {
    const source = form.elements.source.value === 'nothing' ? 'camera' : form.elements.source.value;
    const opened = await openMedia(source, $('#name').value);
    if (opened && document.body.dataset.state === 'in') await send(); // otherwise the next attempt does
  }
  show();
};
$('#leave').onclick = () => {
  inside = false;
  sessionStorage.removeItem('inside');
  call?.close();
  stopWaiting();
};
$('#copy-link').onclick = async () => {
  try {
    await navigator.clipboard.writeText(location.href);
    notify('The link to this room has been copied.', 'info');
  } catch {
    notify(`The link to this room is ${location.href}`, 'info');
  }
};

form.onsubmit = (event) => {
  event.preventDefault();
  if (inside) return; // the browser is still asking for the camera
  for (const field of [$('#name'), $('#room')]) field.value = field.value.trim();
  if (!form.reportValidity()) return;
  const { room, name, source } = Object.fromEntries(new FormData(form));
  location.hash = new URLSearchParams({ room });
  localStorage.setItem('name', name);
  sessionStorage.setItem('inside', source);
  enter(room, name, source);
};

// Browsers may hold sound back until the user has touched the page, which a reload takes for not touched.
document.addEventListener('soundblocked', () => {
  notify(NO_SOUND, 'info', true);
  document.addEventListener('click', () => {
    dismiss(NO_SOUND);
    document.querySelectorAll('.tile audio').forEach((audio) => audio.play());
  }, { once: true });
});

$('#name').value = localStorage.getItem('name') ?? '';
$('#room').value = new URLSearchParams(location.hash.slice(1)).get('room') ?? 'lobby';
const source = sessionStorage.getItem('inside');
if (source && $('#name').value) { // a reload
  form.elements.source.value = source;
  form.requestSubmit();
}
