// A user's time in a room: one connection for what is sent, and one for each user who is received. All SDP is complete,
// so neither side waits for candidates.

import { Signalling } from './signalling.js';

/** Others may have joined by another page than this one, with a `userInfo` of any kind. */
export const nameOf = (userInfo) => (typeof userInfo?.name === 'string' && userInfo.name.trim()) || 'Somebody';

/** What this user sends. `media` has an `audio` and a `video` track; either may be missing. */
class Sender {
  #pc = new RTCPeerConnection();
  #request;
  #media;
  #audio = null;
  #camera;
  #screen = null;
  #busy = Promise.resolve();

  constructor(request, media, onState) {
    this.#request = request;
    this.#media = media;
    this.#pc.onconnectionstatechange = () => onState(this.#pc.connectionState);
    // Receivers tell the camera from the screen by their order, so the camera's section is always made first.
    if (media.audio) this.#audio = this.#pc.addTransceiver(media.audio, { direction: 'sendonly' });
    this.#camera = this.#pc.addTransceiver(media.video, { direction: 'sendonly' });
  }

  /** The RTCRtpSenders. */
  get senders() {
    return { audio: this.#audio?.sender, camera: this.#camera.sender, screen: this.#screen?.sender };
  }

  /**
   * Brings about `{ mic, camera, screen }`: two switches, and the track of a shared screen or null. A mute is a matter of
   * `constraints` and needs no SDP. But they know one "video" for camera and screen together; so while a screen is
   * shared the camera alone is taken out, and the screen put in, by a new offer of the same session.
   */
  async update(wanted) {
    if (this.#media.audio) this.#media.audio.enabled = wanted.mic; // nothing leaves from the click on
    this.#media.video.enabled = wanted.camera;
    this.#busy = this.#busy.catch(() => {}).then(() => this.#negotiate(wanted));
    return this.#busy;
  }

  async #negotiate({ mic, camera, screen }) {
    const constraints = { audio: mic, video: camera || !!screen };
    const before = this.#directions();
    this.#camera.direction = camera || !screen || !this.#pc.localDescription ? 'sendonly' : 'inactive';
    if (screen) this.#screen ??= this.#pc.addTransceiver('video');
    if (this.#screen) {
      this.#screen.direction = screen ? 'sendonly' : 'inactive';
      await this.#screen.sender.replaceTrack(screen);
    }
    if (this.#pc.localDescription && this.#directions() === before) {
      await this.#request('produce', { constraints });
      return;
    }
    await this.#pc.setLocalDescription();
    try {
      const { answer } = await this.#request('produce', { offer: this.#pc.localDescription, constraints });
      await this.#pc.setRemoteDescription(answer);
    } catch (error) {
      if (this.#pc.signalingState === 'have-local-offer') await this.#pc.setLocalDescription({ type: 'rollback' });
      throw error;
    }
  }

  #directions() {
    return this.#pc.getTransceivers().map((t) => t.direction).join();
  }

  close() {
    this.#pc.close();
  }
}

/** What comes from one other user. */
class Receiver {
  #pc = null;
  #session = '';
  #closed = false;
  #work = Promise.resolve();
  #userId;
  #request;
  #view;

  constructor(userId, request, view) {
    this.#userId = userId;
    this.#request = request;
    this.#view = view;
  }

  /** Offers are answered one after the other, in the order in which they came. */
  offer(offer) {
    this.#work = this.#work.then(() => this.#answer(offer)).catch((error) => this.#report(error));
  }

  async #answer(offer) {
    if (this.#closed) return;
    // The same o= line number is the same session: the connection is updated. Another one is a connection that the
    // server has made anew.
    const [session] = offer.sdp.match(/^o=\S+ \S+/m);
    if (session !== this.#session) this.#connect();
    this.#session = session;
    await this.#pc.setRemoteDescription(offer);
    await this.#pc.setLocalDescription();
    this.#show();
    await this.#request('consume', { producerUserId: this.#userId, answer: this.#pc.localDescription });
  }

  #connect() {
    this.#pc?.close();
    const pc = new RTCPeerConnection();
    pc.onconnectionstatechange = () => pc.connectionState === 'failed' && this.#restart();
    this.#pc = pc;
  }

  /** The network has changed: a `consume` without an answer gives a fresh offer. */
  async #restart() {
    try {
      const { offer } = await this.#request('consume', { producerUserId: this.#userId });
      this.offer(offer);
    } catch (error) {
      this.#report(error);
    }
  }

  /** Unknown: the other one has just left, and the news of it are on their way. */
  #report(error) {
    if (!this.#closed && error.status !== 404) this.#view.problem(error);
  }

  /** The m-sections are always in the producer's order: microphone, camera, screen. */
  #show() {
    const sections = this.#pc.getTransceivers();
    const ofKind = (kind) => sections.filter((t) => t.receiver.track.kind === kind);
    const live = (t) => (t?.currentDirection === 'recvonly' ? t.receiver : null);
    const [camera, screen] = ofKind('video');
    this.#view.media(this.#userId, { audio: live(ofKind('audio')[0]), camera: live(camera), screen: live(screen) });
  }

  close() {
    this.#closed = true;
    this.#pc?.close();
  }
}

/**
 * `view` is told what to show: self(userId, userInfo), person(userId, userInfo), media(userId, { audio, camera, screen })
 * with RTCRtpReceivers or nulls, constraints(userId, { audio, video }), left(userId), problem(error), heard(whether the
 * media server is, by this user's own connection).
 */
export class Call {
  #view;
  #receivers = new Map();
  #signalling = new Signalling((news) => this.#hear(news));
  sender = null;

  constructor(view) {
    this.#view = view;
  }

  /** Resolves when the call is over, for whatever reason. */
  get closed() { return this.#signalling.closed; }

  async join(room, userInfo) {
    const { userId, users } = await this.#signalling.request('join', { room, userInfo });
    this.#view.self(userId, userInfo);
    users.forEach((user) => this.#meet(user));
  }

  async send(media, wanted) {
    const sender = new Sender((...call) => this.#signalling.request(...call), media, (state) => this.#onSenderState(state));
    this.sender = sender;
    try {
      await sender.update({ ...wanted, screen: null });
      if (wanted.screen) await sender.update(wanted);
    } catch (error) {
      this.#endSender();
      throw error;
    }
  }

  async stop() {
    this.#endSender();
    await this.#signalling.request('stop');
  }

  /** Leaving is closing the WebSocket: the backend takes the user out of the room. */
  close() {
    this.#signalling.close();
    this.#endSender();
    for (const receiver of this.#receivers.values()) receiver.close();
    this.#receivers.clear();
  }

  #onSenderState(state) {
    if (state === 'disconnected' || state === 'connected') this.#view.heard(state === 'connected');
    if (state === 'failed') this.close(); // everything is begun again
  }

  #endSender() {
    this.sender?.close();
    this.sender = null;
  }

  #hear(news) {
    if (news.type === 'stopped' || news.type === 'left') {
      this.#receivers.get(news.userId)?.close();
      this.#receivers.delete(news.userId);
      if (news.type === 'left') this.#view.left(news.userId);
      else this.#view.media(news.userId, {});
    } else {
      this.#meet(news);
    }
  }

  /** Somebody is there; if they have just begun or changed what they send, there is an offer to answer. */
  #meet({ userId, userInfo, constraints, offer, error }) {
    this.#view.person(userId, userInfo);
    if (constraints) this.#view.constraints(userId, constraints);
    if (error) this.#view.problem(new Error(`${nameOf(userInfo)} cannot be shown: ${error}`));
    if (!offer) return;
    if (!this.#receivers.has(userId)) {
      this.#receivers.set(userId, new Receiver(userId, (...call) => this.#signalling.request(...call), this.#view));
    }
    this.#receivers.get(userId).offer(offer);
  }
}
