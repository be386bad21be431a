// The browser's half of the end-to-end tests. One page holds many clients, each a user of a room; the test carries
// offers and answers between them and the server, as a backend does.
//
// What is sent is recognisable: each producer has a colour and a pitch of its own, and the picture carries a counter, so
// a receiver proves whom it sees and hears and that the picture moves.

const clients = new Map();
const audio = new AudioContext();

class Source {
  constructor({ colour, pitch, width = 320, height = 240, clap = false, noise = false }) {
    this.canvas = document.createElement('canvas');
    Object.assign(this.canvas, { width, height });
    const draw = this.canvas.getContext('2d');
    const pixels = noise && draw.createImageData(width, height);
    let frame = 0;
    this.timer = setInterval(() => {
      // Each second for a fifth of it: a bright picture, and (below) a tone that begins with it.
      const now = clap && audio.currentTime % 1 < 0.2;
      draw.fillStyle = now ? '#fff' : `rgb(${colour.join(',')})`;
      draw.fillRect(0, 0, width, height);
      if (noise) {
        for (let i = 0; i < pixels.data.length; i += 4) pixels.data.fill(Math.random() * 256, i, i + 4);
        draw.putImageData(pixels, 0, 0);
      }
      draw.fillStyle = frame % 2 ? '#fff' : '#000'; // a corner that changes: no two frames are the same
      draw.fillRect((frame % 16) * 8, 0, 8, 8);
      frame += 1;
    }, clap ? 10 : 50);
    this.video = this.canvas.captureStream(clap ? undefined : 20).getVideoTracks()[0];
    if (pitch) {
      this.oscillator = audio.createOscillator();
      this.oscillator.frequency.value = pitch;
      const out = audio.createMediaStreamDestination();
      if (clap) {
        const gain = audio.createGain();
        const begin = Math.ceil(audio.currentTime);
        gain.gain.value = 0;
        for (let second = 0; second < 900; second += 1) {
          gain.gain.setValueAtTime(1, begin + second);
          gain.gain.setValueAtTime(0, begin + second + 0.2);
        }
        this.oscillator.connect(gain).connect(out);
      } else this.oscillator.connect(out);
      this.oscillator.start();
      [this.audio] = out.stream.getAudioTracks();
    }
  }

  stop() {
    clearInterval(this.timer);
    this.oscillator?.stop();
    this.video.stop();
    this.audio?.stop();
  }
}

/** What arrives on one track-pair of a producer: looks at the picture and listens to the sound. */
class Sink {
  constructor(stream) {
    this.video = document.createElement('video');
    Object.assign(this.video, { muted: true, autoplay: true, playsInline: true, srcObject: stream });
    document.body?.append(this.video);
    this.video.play().catch(() => {});
    this.listen(stream);
    stream.addEventListener('addtrack', () => this.listen(stream));
  }

  listen(stream) {
    if (this.analyser || !stream.getAudioTracks().length) return;
    this.analyser = audio.createAnalyser();
    this.analyser.fftSize = 8192;
    audio.createMediaStreamSource(stream).connect(this.analyser);
  }

  /** The strongest pitch in Hz, 0 for silence. */
  pitch() {
    if (!this.analyser) return 0;
    const bins = new Float32Array(this.analyser.frequencyBinCount);
    this.analyser.getFloatFrequencyData(bins);
    let best = 0;
    bins.forEach((level, i) => { if (level > bins[best]) best = i; });
    return bins[best] < -70 ? 0 : (best * audio.sampleRate) / this.analyser.fftSize;
  }

  /** The colour in the middle of the picture. */
  colour() {
    const { videoWidth: width, videoHeight: height } = this.video;
    if (!width) return null;
    const canvas = document.createElement('canvas');
    Object.assign(canvas, { width, height });
    const draw = canvas.getContext('2d');
    draw.drawImage(this.video, 0, 0);
    return [...draw.getImageData(width >> 1, height >> 1, 1, 1).data.slice(0, 3)];
  }
}

/** What is sent of a description: at once, or, on a page of `?gather`, with all candidates. */
async function described(pc, description) {
  await pc.setLocalDescription(description);
  if (window.location.search !== '?gather') return { type: description.type, sdp: description.sdp };
  while (pc.iceGatheringState !== 'complete') {
    await new Promise((resolve) => { pc.addEventListener('icegatheringstatechange', resolve, { once: true }); });
  }
  return { type: description.type, sdp: pc.localDescription.sdp };
}

class Client {
  incoming = new Map(); // producer -> { session, pc, sinks: Map<mid, Sink> }

  sources = [];

  // --- producing -------------------------------------------------------------------------------------------------

  /** `camera`: false has the section for the picture inactive; `readd` sends it later. */
  async produce(source, { codec, camera = true } = {}) {
    this.out ??= new RTCPeerConnection();
    const made = new Source(source);
    this.sources.push(made);
    if (!camera) this.out.addTransceiver('video', { direction: 'inactive' });
    for (const track of [made.audio, camera && made.video]) {
      if (!track) continue;
      const sender = this.out.addTrack(track, new MediaStream([track]));
      if (codec && track.kind === 'video') this.prefer(sender, codec);
    }
    return this.offer();
  }

  prefer(sender, codec) {
    const transceiver = this.out.getTransceivers().find((t) => t.sender === sender);
    const all = RTCRtpReceiver.getCapabilities('video').codecs;
    const first = all.filter((c) => c.mimeType.toLowerCase() === `video/${codec}`.toLowerCase());
    transceiver.setCodecPreferences([...first, ...all.filter((c) => !first.includes(c))]);
  }

  async offer(options) {
    return described(this.out, await this.out.createOffer(options));
  }

  async answered(answer) {
    await this.out.setRemoteDescription(answer);
  }

  /** 'remove' (removeTrack), 'stop' (transceiver.stop) or 'disable' (track.enabled) of the source with that index. */
  drop(index, how) {
    const track = this.sources[index].video;
    const transceiver = this.out.getTransceivers().find((t) => t.sender.track === track);
    if (how === 'remove') this.out.removeTrack(transceiver.sender);
    else if (how === 'stop') transceiver.stop();
    else track.enabled = false;
    return this.offer();
  }

  /** Sends the source on the section that `produce` or `drop(index, 'remove')` made inactive. */
  async readd(index) {
    const { video } = this.sources[index];
    const transceiver = this.out.getTransceivers().filter((t) => t.sender.track === null && !t.stopped).at(-1);
    await transceiver.sender.replaceTrack(video);
    transceiver.direction = 'sendonly';
    return this.offer();
  }

  leave() {
    this.out?.close();
    this.sources.forEach((s) => s.stop());
    this.incoming.forEach(({ pc }) => pc.close());
  }

  // --- consuming -------------------------------------------------------------------------------------------------

  async consume(producer, offer) {
    const [session] = /^o=\S+ \S+/m.exec(offer.sdp);
    let from = this.incoming.get(producer);
    if (from?.session !== session) { // a connection that the server has made anew
      from?.pc.close();
      from = { session, pc: new RTCPeerConnection(), sinks: new Map(), answered: 0, first: 0 };
      this.incoming.set(producer, from);
      from.pc.ontrack = ({ track, transceiver }) => {
        const { mid } = transceiver;
        from.sinks.set(mid, new Sink(new MediaStream([track])));
        from.sinks.get(mid).video.requestVideoFrameCallback?.(() => { from.first ||= performance.now(); });
      };
    }
    await from.pc.setRemoteDescription(offer);
    const answer = await described(from.pc, await from.pc.createAnswer());
    from.answered ||= performance.now();
    return answer;
  }

  /** What has arrived from a producer, by kind and in the order of the m-sections. */
  async seen(producer) {
    const from = this.incoming.get(producer);
    if (!from) return null;
    const report = { state: from.pc.connectionState, video: [], audio: [], firstFrameMs: from.first - from.answered };
    const stats = [...(await from.pc.getStats()).values()].filter((s) => s.type === 'inbound-rtp');
    for (const transceiver of from.pc.getTransceivers()) {
      const { track } = transceiver.receiver;
      const sink = from.sinks.get(transceiver.mid);
      const s = stats.find((x) => x.mid === transceiver.mid) ?? stats.find((x) => x.trackIdentifier === track.id) ?? {};
      const common = { direction: transceiver.currentDirection, packets: s.packetsReceived ?? 0, lost: s.packetsLost ?? 0,
        bytes: (s.bytesReceived ?? 0) + (s.headerBytesReceived ?? 0) };
      if (track.kind === 'video') {
        report.video.push({ ...common, frames: s.framesDecoded ?? 0, colour: sink?.colour() ?? null,
          width: s.frameWidth, nacks: s.nackCount, codec: s.codecId });
      } else {
        report.audio.push({ ...common, pitch: sink?.pitch() ?? 0 });
      }
    }
    return report;
  }

  /** "udp" or "tcp": how what comes of a producer comes. */
  async protocol(producer) {
    const stats = await this.incoming.get(producer).pc.getStats();
    const pair = [...stats.values()].find((s) => s.type === 'candidate-pair' && s.nominated && s.state === 'succeeded');
    return stats.get(pair?.localCandidateId)?.protocol;
  }

  /** Resolves when the next picture of a producer is shown. */
  nextFrame(producer) {
    const sink = [...this.incoming.get(producer).sinks.values()].find((s) => s.video.videoWidth);
    return new Promise((resolve) => { sink.video.requestVideoFrameCallback(() => resolve(true)); });
  }

  async sent() {
    const stats = [...(await this.out.getStats()).values()];
    const rtp = stats.filter((s) => s.type === 'outbound-rtp');
    const pair = stats.find((s) => s.type === 'candidate-pair' && s.nominated && s.availableOutgoingBitrate);
    return {
      state: this.out.connectionState,
      bytes: rtp.reduce((sum, s) => sum + s.bytesSent + (s.headerBytesSent ?? 0), 0),
      packets: rtp.reduce((sum, s) => sum + s.packetsSent, 0),
      pli: rtp.reduce((sum, s) => sum + (s.pliCount ?? 0) + (s.firCount ?? 0), 0),
      available: pair?.availableOutgoingBitrate ?? 0,
    };
  }
}

/** The one door for the test: a method of a client by name. */
window.call = async (id, method, ...args) => {
  if (!clients.has(id)) clients.set(id, new Client());
  const result = await clients.get(id)[method](...args);
  if (method === 'leave') clients.delete(id);
  return result;
};
window.videoCodecs = () => [...new Set(RTCRtpReceiver.getCapabilities('video').codecs.map((c) => c.mimeType.slice(6)))];
