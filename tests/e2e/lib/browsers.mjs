// Headless Chromium and Firefox (Debian's packages), one page each, driven by puppeteer-core.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer from 'puppeteer-core';

const CHROMIUM = [
  '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--disable-sync', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream',
  '--allow-loopback-in-peer-connection', '--disable-features=WebRtcHideLocalIpsWithMdns',
  '--autoplay-policy=no-user-gesture-required', '--disable-background-timer-throttling',
  '--disable-renderer-backgrounding', '--disable-backgrounding-occluded-windows',
];

const FIREFOX = {
  'media.navigator.permission.disabled': true,
  'media.navigator.streams.fake': true,
  'permissions.default.camera': 1,
  'permissions.default.microphone': 1,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'media.suspend-bkgnd-video.enabled': false,
  'dom.min_background_timeout_value': 4,
  'dom.timeout.enable_budget_timer_throttling': false,
  'network.dns.forceResolve': '127.0.0.1',
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'app.update.disabledForTesting': true,
  'browser.region.update.enabled': false,
  'extensions.systemAddon.update.enabled': false,
  'services.settings.server': 'data:,#remote-settings-dummy/v1',
};

/** Firefox makes no sound without a sound server: a private PulseAudio with a null sink. */
async function startPulse(folder) {
  const socket = join(folder, 'pulse.sock');
  const pulse = spawn('pulseaudio', ['-n', '--exit-idle-time=-1', '--use-pid-file=no', '--daemonize=no', '--disable-shm=yes',
    '--load=module-null-sink', `--load=module-native-protocol-unix socket=${socket} auth-anonymous=1`],
  { stdio: 'ignore', env: { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder } });
  return { pulse, server: `unix:${socket}` };
}

export async function launch(name, url) {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-e2e-'));
  const firefox = name === 'firefox';
  const sound = firefox ? await startPulse(folder) : null;
  const browser = await puppeteer.launch({
    browser: firefox ? 'firefox' : 'chrome',
    executablePath: firefox ? '/usr/bin/firefox-esr' : '/usr/bin/chromium',
    headless: true,
    userDataDir: join(folder, 'profile'),
    args: firefox ? [] : CHROMIUM,
    extraPrefsFirefox: firefox ? FIREFOX : undefined,
    env: { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder, ...(sound && { PULSE_SERVER: sound.server }) },
  });
  const page = await browser.newPage();
  await page.goto(url);
  return {
    name,
    page,
    call: (id, method, ...args) => page.evaluate((...a) => window.call(...a), id, method, ...args),
    codecs: () => page.evaluate(() => window.videoCodecs()),
    reload: () => page.goto(url),
    async close() {
      await browser.close();
      sound?.pulse.kill();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
