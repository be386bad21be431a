// What real browsers send is recorded: ffmpeg finds sound and picture in the file, whole, together, and alive after a kill.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { launch } from './lib/browsers.mjs';
import { until } from './lib/expect.mjs';
import { Room } from './lib/room.mjs';
import { serveFile, servePage, startServer } from './lib/server.mjs';

/** How long is recorded. What drifts apart shows after ten minutes. */
const RECORD_MS = Number(process.env.RECORD_MS ?? 6000);
const CLAP = { colour: [20, 20, 60], pitch: 880, clap: true };

const folder = mkdtempSync(join(tmpdir(), 'recordings-'));
const OPTIONS = [`paths.recordings=${folder}`, ...['webm', 'mp4'].flatMap((container) => [
  `pipeline=record-${container}.launch`, 'start=on-request', 'key-frame-interval-s=2',
  `location=\${recordings}/\${room}/\${user}-\${segment}.${container}`,
].map((setting) => `branch ${container}.${setting}`))].flatMap((setting) => ['--set', setting]);

let site;
let server;
const browsers = {};

before(async () => {
  site = await servePage();
  server = await startServer(OPTIONS);
  for (const name of ['chromium', 'firefox']) browsers[name] = await launch(name, site.url);
});

after(async () => {
  for (const browser of Object.values(browsers)) await browser.close();
  await server?.stop();
  site?.close();
  rmSync(folder, { recursive: true });
});

const probe = (file, entries, ...more) => execFileSync('ffprobe',
  ['-v', 'error', ...more, '-show_entries', entries, '-of', 'default=nw=1:nk=1', file], { encoding: 'utf8' }).trim().split('\n');

/** When the picture turns bright, in seconds. */
function flashes(file) {
  const words = execFileSync('ffprobe', ['-v', 'error', '-f', 'lavfi', '-i', `movie=${file},signalstats`, '-show_entries',
    'frame=pts_time:frame_tags=lavfi.signalstats.YAVG', '-of', 'default=nw=1:nk=1'],
  { encoding: 'utf8', maxBuffer: 1 << 28 }).split('\n').map(Number);
  const frames = words.flatMap((time, i) => (i % 2 ? [] : [{ time, bright: words[i + 1] > 150 }]));
  return frames.filter(({ bright }, i) => i > 0 && bright && !frames[i - 1].bright).map(({ time }) => time);
}

/** When the tone begins, in seconds. */
function tones(file) {
  const pcm = execFileSync('ffmpeg', ['-v', 'error', '-i', file, '-vn', '-af', 'aresample=async=1:min_hard_comp=0.002:first_pts=0',
    '-ac', '1', '-ar', '48000', '-f', 's16le', '-'], { maxBuffer: 1 << 28 });
  const found = [];
  let loud = -48000;
  for (let at = 0; at < pcm.length / 2; at += 1) {
    if (Math.abs(pcm.readInt16LE(at * 2)) < 6000) continue;
    if (at - loud > 24000) found.push(at / 48000);
    loud = at;
  }
  return found;
}

const branch = async (room, user, wanted) =>
  (await room.rest('GET', `/users/${user}/branches`)).branches.find(({ name }) => name === wanted);

async function record(room, user, container, ms) {
  await room.rest('POST', `/users/${user}/branches/${container}`);
  await until('a recording', () => branch(room, user, container), (b) => b.durationMs > ms, ms + 30000);
  return room.rest('DELETE', `/users/${user}/branches/${container}`);
}

/** A person looks at the file, from its middle on. */
async function play(browser, file) {
  const { url, close } = await serveFile(file);
  try {
    return await browser.page.evaluate(async (src) => {
      const video = document.createElement('video');
      const next = (name) => new Promise((resolve, reject) => {
        video.addEventListener(name, resolve, { once: true });
        video.addEventListener('error', () => reject(new Error(video.error.message)), { once: true });
      });
      Object.assign(video, { muted: true, src });
      document.body.append(video);
      await next('loadedmetadata');
      const { duration, videoWidth } = video;
      video.currentTime = duration / 2;
      await next('seeked');
      await video.play();
      while (video.currentTime < duration / 2 + 1) await next('timeupdate');
      const frames = video.getVideoPlaybackQuality().totalVideoFrames;
      video.remove();
      return { duration, videoWidth, frames };
    }, url);
  } finally {
    close();
  }
}

for (const [name, codec, container] of [['chromium', 'VP8', 'webm'], ['chromium', 'AV1', 'webm'], ['firefox', 'VP8', 'webm'],
  ['chromium', 'H264', 'mp4'], ['chromium', 'AV1', 'mp4']]) {
  test(`${name}, ${codec} in ${container}: a whole file, sound and picture together, which browsers play`, async () => {
    const room = new Room(server);
    try {
      await room.join('ada', browsers[name]);
      await room.produce('ada', CLAP, { codec });
      const done = await record(room, 'ada', container, RECORD_MS);
      assert.equal(done.state, 'ended');
      const [file] = done.files;
      assert.deepEqual(probe(file, 'stream=codec_name').sort(), ['opus', codec.toLowerCase()].sort());
      assert.ok(Math.abs(Number(probe(file, 'format=duration')[0]) - done.durationMs / 1000) < 0.2);
      const sidecar = JSON.parse(readFileSync(`${file}.json`));
      assert.equal(sidecar.userInfo.name, 'ada');
      assert.equal(sidecar.videoCodec, codec);
      const seen = flashes(file);
      const heard = tones(file);
      assert.ok(seen.length >= 4, `flashes at ${seen}`);
      const apart = seen.map((flash) => heard.map((tone) => tone - flash).sort((a, b) => Math.abs(a) - Math.abs(b))[0]);
      const middle = apart.sort((a, b) => a - b)[apart.length >> 1];
      console.log(`${name} ${codec}: sound after picture by ${apart.map((s) => Math.round(s * 1000))} ms`);
      assert.ok(Math.abs(middle) < 0.04, `sound after picture by ${apart.map((s) => Math.round(s * 1000))} ms`);
      for (const browser of Object.values(browsers)) {
        const played = await play(browser, file);
        assert.ok(Math.abs(played.duration - done.durationMs / 1000) < 0.2, `${browser.name} sees ${played.duration} s`);
        assert.ok(played.videoWidth > 0 && played.frames > 10, `${browser.name}: ${JSON.stringify(played)}`);
      }
    } finally {
      await room.close();
    }
  });
}

describe('a server that is killed', () => {
  test('leaves what plays, and makes it whole at its next start', async () => {
    const room = new Room(server);
    await room.join('ada', browsers.chromium);
    await room.produce('ada', CLAP, { codec: 'VP8' });
    await room.rest('POST', '/users/ada/branches/webm');
    const { durationMs } = await until('a recording', () => branch(room, 'ada', 'webm'), (b) => b.durationMs > 4000, 30000);
    await server.kill();
    const file = join(folder, room.id, 'ada-1.webm');
    const seconds = (name) => Math.max(...probe(name, 'packet=pts_time', '-select_streams', 'a:0').map(Number));
    assert.ok(seconds(`${file}.part`) > durationMs / 1000 - 2, 'at most the last two seconds are lost');
    await room.call('ada', 'leave');
    server = await startServer(OPTIONS);
    await until('the end of what was torn', () => existsSync(`${file}.part.json`), (there) => !there);
    assert.ok(Number(probe(file, 'format=duration')[0]) > durationMs / 1000 - 2);
    assert.match(JSON.parse(readFileSync(`${file}.json`)).ended, /next start/);
    assert.deepEqual(readdirSync(join(folder, room.id)).sort(), ['ada-1.webm', 'ada-1.webm.json']);
  });
});
