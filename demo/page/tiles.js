// The grid: one tile for each person, and one for each shared screen.

import { hueOf } from './source.js';

const people = document.querySelector('#people');
const screens = document.querySelector('#screens');
const GAP = 10;
const WIDEST = 16 / 9;
const NARROWEST = { screen: 16 / 9, landscape: 4 / 3, portrait: 1 };

/** Makes the tiles of a box as large as they can be without scrolling. */
function arrange(box) {
  const count = box.children.length;
  const { clientWidth, clientHeight } = box;
  const narrowest = NARROWEST[box === screens ? 'screen' : clientWidth > clientHeight ? 'landscape' : 'portrait'];
  let best = { area: -1 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    let width = (clientWidth - GAP * (columns - 1)) / columns;
    let height = (clientHeight - GAP * (rows - 1)) / rows;
    width = Math.min(width, height * WIDEST);
    height = Math.min(height, width / narrowest);
    if (width * height > best.area) best = { area: width * height, width, height };
  }
  box.style.setProperty('--w', `${Math.floor(best.width)}px`);
  box.style.setProperty('--h', `${Math.floor(best.height)}px`);
}
const arrangeAll = () => [people, screens].forEach(arrange);
new ResizeObserver(arrangeAll).observe(people);

const rate = (bps) => (bps < 1e6 ? `${Math.round(bps / 1e3)} kbit/s` : `${(bps / 1e6).toFixed(1)} Mbit/s`);

export class Tile {
  #element = document.querySelector('#tile').content.firstElementChild.cloneNode(true);
  #video = this.#element.querySelector('video');
  #audio = this.#element.querySelector('audio');
  #links = []; // the RTCRtpReceivers or RTCRtpSenders whose statistics tell of this tile
  #before = null; // what the last look at them saw

  constructor(userId, name, kind, own) {
    this.own = own;
    Object.assign(this.#element.dataset, { userId, name, kind });
    if (own) this.#element.dataset.self = '';
    this.#element.style.setProperty('--hue', hueOf(name));
    this.#element.querySelector('.avatar').textContent = [...name][0].toUpperCase();
    this.#element.querySelector('.name').textContent = `${name}${own ? ' (you)' : ''}${kind === 'screen' ? ': screen' : ''}`;
    this.#video.onplaying = () => delete this.#element.dataset.waiting;
    (kind === 'screen' ? screens : people).append(this.#element);
    arrangeAll();
  }

  /** Either is an RTCRtpReceiver, an RTCRtpSender or null. What is `mirrored` is seen as in a mirror. */
  show({ audio, video, mirrored = false }) {
    this.#links = [audio, video].filter(Boolean);
    this.#play(this.#video, video?.track);
    if (!this.own) this.#play(this.#audio, audio?.track);
    this.#element.classList.toggle('mirrored', mirrored);
    this.#element.dataset.audio = audio ? 'on' : 'off';
    this.#element.dataset.video = video ? 'on' : 'off';
  }

  #play(element, track) {
    if (element.srcObject?.getTracks()[0] === track) return;
    element.srcObject = track ? new MediaStream([track]) : null;
    if (element === this.#video) this.#element.toggleAttribute('data-waiting', !!track);
    else if (track) element.play().catch(({ name }) => name === 'NotAllowedError' && document.dispatchEvent(new Event('soundblocked')));
  }

  /** Shows bitrate, size and who speaks. */
  async measure() {
    const reports = await Promise.all(this.#links.map((link) => link.getStats()));
    const seen = { bytes: 0, at: performance.now(), level: 0, size: '', fps: '' };
    for (const s of reports.flatMap((report) => [...report.values()])) {
      if (s.type === 'inbound-rtp' || s.type === 'outbound-rtp') {
        seen.bytes += (s.bytesReceived ?? s.bytesSent) + (s.headerBytesReceived ?? s.headerBytesSent ?? 0);
        if (s.frameWidth) {
          seen.size = `${s.frameWidth}×${s.frameHeight} · `;
          seen.fps = `${Math.round(s.framesPerSecond ?? 0)} fps · `;
        }
      }
      seen.level = Math.max(seen.level, (s.type === 'inbound-rtp' || s.type === 'media-source') && s.audioLevel || 0);
    }
    const { bytes, at } = this.#before ?? seen;
    this.#before = seen;
    const bps = seen.at > at ? Math.max(0, (8000 * (seen.bytes - bytes)) / (seen.at - at)) : 0;
    const put = (what, text) => { this.#element.querySelector(`.stats .${what}`).textContent = this.#links.length ? text : ''; };
    put('size', seen.size);
    put('fps', seen.fps);
    put('rate', rate(bps));
    this.#element.toggleAttribute('data-speaking', seen.level > 0.01);
  }

  remove() {
    this.show({});
    this.#element.remove();
    arrangeAll();
  }
}
