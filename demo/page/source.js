// Where a user's picture and sound come from: camera and microphone, or both made here.

const CAMERA = { width: { ideal: 1280 }, height: { ideal: 720 } };

/** Gives { audio, video, mirrored, why, stop() }; `why` says why there is a made picture in the place of a camera. */
export async function openSource(kind, name) {
  if (kind === 'picture') return made(name);
  const { tracks, why } = await capture();
  const [audio, video] = ['audio', 'video'].map((k) => tracks.find((t) => t.kind === k));
  if (audio && video) return { audio, video, mirrored: true, stop: () => tracks.forEach((t) => t.stop()) };
  const filler = made(name);
  return {
    audio: audio ?? filler.audio,
    video: video ?? filler.video,
    mirrored: !!video,
    why: `${video ? 'No microphone' : audio ? 'No camera' : 'No camera and no microphone'} (${why}); a test ${video ? 'tone' : 'picture'} is sent instead.`,
    stop() {
      filler.stop();
      tracks.forEach((t) => t.stop());
    },
  };
}

/** As much as there is: both, one, or nothing. */
async function capture() {
  if (!navigator.mediaDevices) return { tracks: [], why: 'browsers give them to https: and localhost only' };
  let why;
  for (const wanted of [{ audio: true, video: CAMERA }, { audio: true }, { video: CAMERA }]) {
    try {
      return { tracks: (await navigator.mediaDevices.getUserMedia(wanted)).getTracks(), why };
    } catch (error) {
      why = error.message;
    }
  }
  return { tracks: [], why };
}

/** The same colour for a name everywhere. */
export const hueOf = (name) => [...name].reduce((hue, c) => (hue * 31 + c.codePointAt(0) * 137) % 360, 0);

function made(name) {
  const hue = hueOf(name);
  const picture = drawPicture(name, hue);
  const tone = playTone(180 + hue);
  return {
    ...picture,
    ...tone,
    stop() {
      picture.stop();
      tone?.stop();
    },
  };
}

/** Drifting lights in the user's colour, and a clock that shows how old the picture is. */
function drawPicture(name, hue) {
  const canvas = document.createElement('canvas');
  const { width, height } = Object.assign(canvas, { width: 640, height: 360 });
  const draw = canvas.getContext('2d', { alpha: false });
  const lights = [[0, 0.31, 0.43, 300], [40, 0.23, 0.37, 260], [-50, 0.41, 0.19, 220]];
  const paint = () => {
    const now = performance.now() / 1000;
    draw.fillStyle = `hsl(${hue} 45% 16%)`;
    draw.fillRect(0, 0, width, height);
    for (const [shift, fx, fy, radius] of lights) {
      const [x, y] = [width * (0.5 + 0.42 * Math.sin(now * fx + shift)), height * (0.5 + 0.42 * Math.cos(now * fy + shift))];
      const light = draw.createRadialGradient(x, y, 0, x, y, radius);
      light.addColorStop(0, `hsl(${hue + shift} 75% 55% / .85)`);
      light.addColorStop(1, `hsl(${hue + shift} 75% 55% / 0)`);
      draw.fillStyle = light;
      draw.fillRect(0, 0, width, height);
    }
    draw.fillStyle = '#fff';
    draw.textAlign = 'center';
    draw.font = '600 64px Inter, system-ui, sans-serif';
    draw.fillText(name, width / 2, height / 2 + 8, height - 40);
    draw.font = '26px ui-monospace, monospace';
    draw.fillText(new Date().toISOString().slice(11, 22), width / 2, height / 2 + 56);
  };
  paint();
  const timer = setInterval(paint, 1000 / 30);
  const [video] = canvas.captureStream(30).getVideoTracks();
  return {
    video,
    stop() {
      clearInterval(timer);
      video.stop();
    },
  };
}

/** A soft tone that comes and goes. Nothing where the browser has no way to make sound. */
function playTone(pitch) {
  try {
    const audio = new AudioContext();
    const tone = new OscillatorNode(audio, { frequency: pitch });
    const swell = new OscillatorNode(audio, { frequency: 0.4 });
    const volume = new GainNode(audio, { gain: 0.03 });
    const out = new MediaStreamAudioDestinationNode(audio);
    swell.connect(new GainNode(audio, { gain: 0.03 })).connect(volume.gain);
    tone.connect(volume).connect(out);
    tone.start();
    swell.start();
    // After a reload browsers hold the tone back, too, until the user touches the page.
    document.addEventListener('click', () => audio.resume().catch(() => {}), { once: true });
    return { audio: out.stream.getAudioTracks()[0], stop: () => audio.close() };
  } catch {
    return null;
  }
}
