// The demo's page in Chromium, with the built demo and server: what a user may do at an awkward moment.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { launch } from './lib/browsers.mjs';
import { until } from './lib/expect.mjs';
import { startDemo, startServer } from './lib/server.mjs';

/**
 * In the page, before its own scripts: prompts wait for release(), at() acts upon the first offer, and spoil(), where there
 * is one, gives what is sent in the place of a text for the backend.
 */
function hooks() {
  if (location.search === '?phone') delete MediaDevices.prototype.getDisplayMedia;
  const { mediaDevices } = navigator;
  const ask = mediaDevices.getUserMedia.bind(mediaDevices);
  window.tracks = [];
  window.asked = 0;
  const released = new Promise((resolve) => { window.release = resolve; });
  mediaDevices.getUserMedia = async (wanted) => {
    window.asked += 1;
    await released;
    const stream = await ask(wanted);
    window.tracks.push(...stream.getTracks());
    return stream;
  };

  window.states = [];
  const watch = new MutationObserver(() => window.states.push(document.body.dataset.state));
  document.addEventListener('DOMContentLoaded', () => watch.observe(document.body, { attributeFilter: ['data-state'] }));

  window.WebSocket = class extends WebSocket {
    constructor(...options) {
      super(...options);
      window.socket = this;
    }

    send(text) {
      super.send(window.spoil?.(text) ?? text);
    }
  };

  window.connections = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...options) {
      super(...options);
      window.connections.push(this);
    }
  };

  const real = RTCPeerConnection.prototype.setLocalDescription;
  let happens = null;
  window.at = (when, what) => {
    happens = { when, what: { leave: () => document.querySelector('#leave').click(), lose: () => window.socket.close() }[what] };
  };
  RTCPeerConnection.prototype.setLocalDescription = async function set(...description) {
    const { when, what } = happens ?? {};
    happens = null;
    if (when === 'before') what();
    const done = real.apply(this, description);
    if (when === 'during') what();
    await done;
    if (when === 'after') what();
  };
}

describe('the demo', () => {
  let server;
  let demo;
  let browser;
  let page;
  let room;
  let rooms = 0;

  before(async () => {
    server = await startServer();
    demo = await startDemo(server.url);
    browser = await launch('chromium', demo.url);
    page = browser.page;
    await page.evaluateOnNewDocument(hooks);
  });

  after(async () => {
    await browser?.close();
    await demo?.stop();
    await server?.stop();
  });

  beforeEach(async () => {
    rooms += 1;
    room = `demo-${rooms}`;
    await page.evaluate(() => sessionStorage.clear());
    await page.goto(`${demo.url}?${rooms}#room=${room}`);
  });

  const click = (selector) => page.$eval(selector, (element) => element.click());
  const seen = () => page.$eval('body', (body) => body.dataset.state);
  const state = (wanted) => until(`the state "${wanted}"`, seen, (is) => is === wanted);
  const onAir = () => page.$eval('#send', (send) => send.getAttribute('aria-checked') === 'true');
  const users = async () => (await server.rest('GET', `/rooms/${room}`)).users.length;
  const enter = (name, source) => page.evaluate((...fields) => {
    const form = document.querySelector('#join-form');
    [form.elements.name.value, form.elements.source.value] = fields;
    form.elements.join.click();
  }, name, source);
  const expectCameraOff = () => until('the end of what the camera gave',
    () => page.evaluate(() => window.tracks.map((track) => track.readyState)),
    (states) => states.length > 0 && states.every((is) => is === 'ended'));

  test('Join twice, while the browser asks for the camera, is one user', async () => {
    await enter('Ada', 'camera');
    await enter('Ada', 'camera');
    assert.equal(await page.evaluate(() => window.asked), 1);
    await page.evaluate(() => window.release());
    await state('in');
    assert.equal(await users(), 1);
    await click('#leave');
    await state('out');
    await expectCameraOff();
    await enter('Ada', 'camera');
    await state('in');
  });

  test('On air twice asks once, and a camera that is given after the user has left is off', async () => {
    await enter('Ada', 'nothing');
    await state('in');
    await click('#send');
    await click('#send');
    assert.equal(await page.evaluate(() => window.asked), 1);
    await click('#leave');
    await state('out');
    await page.evaluate(() => window.release());
    await expectCameraOff();
    await enter('Ada', 'nothing');
    await state('in');
    assert.equal(await onAir(), false);
    await click('#send');
    await until('a switch that is on', onAir, (is) => is);
  });

  test('a camera whose offer is refused is off, and may be tried again', async () => {
    await page.evaluate(() => {
      window.spoil = (text) => text.replace(/"sdp":"[^"]*"/, '"sdp":"v=0"');
      window.release();
    });
    await enter('Ada', 'camera');
    await state('in');
    await expectCameraOff();
    assert.equal(await onAir(), false);
    await page.evaluate(() => { window.spoil = null; });
    await click('#send');
    await until('a switch that is on', onAir, (is) => is);
  });

  test('Leave while the page waits for the next attempt', async () => {
    await enter('Ada', 'nothing');
    await state('in');
    await page.evaluate(() => {
      window.setTimeout = () => 0; // The wait has no end of its own.
      window.socket.close();
    });
    await state('waiting');
    await click('#leave');
    await state('out');
  });

  test('a server that is heard again takes the news of its silence away', async () => {
    const silence = () => page.$$eval('.notice', (all) => all.filter((notice) => /not heard/.test(notice.textContent)).length);
    const change = (to) => page.evaluate((value) => {
      const [sender] = window.connections;
      Object.defineProperty(sender, 'connectionState', { value, configurable: true });
      sender.onconnectionstatechange();
    }, to);
    await enter('Ada', 'picture');
    await until('a switch that is on', onAir, (is) => is);
    await change('disconnected');
    assert.equal(await silence(), 1);
    await change('connected');
    assert.equal(await silence(), 0);
  });

  test('a browser that cannot share a screen has no switch for it', async () => {
    await page.goto(`${demo.url}?phone`);
    assert.equal(await page.$eval('#screen', (screen) => getComputedStyle(screen).display), 'none');
  });

  test('a name of blanks is none', async () => {
    await enter('  ', 'nothing');
    assert.ok(await page.$eval('#name', (name) => name.validity.valueMissing));
    assert.equal(await seen(), 'out');
  });

  test('users of whom no name is known are shown', async () => {
    const join = (userInfo) => page.evaluate((...message) => new Promise((resolve) => {
      const socket = new WebSocket(`ws://${location.host}/ws`);
      socket.onopen = () => socket.send(JSON.stringify({ type: 'join', id: 1, room: message[0], userInfo: message[1] }));
      socket.onmessage = resolve;
    }), room, userInfo);
    for (const userInfo of [{}, null, 7, { name: 7 }, { name: ' ' }]) await join(userInfo);
    await enter('Ada', 'nothing');
    await state('in');
    const names = await page.$$eval('.tile .name', (tiles) => tiles.map((tile) => tile.textContent).sort());
    assert.deepEqual(names, ['Ada (you)', ...Array(5).fill('Somebody')]);
  });

  for (const when of ['before', 'during', 'after']) {
    test(`Leave ${when} the first offer`, async () => {
      await page.evaluate((moment) => window.at(moment, 'leave'), when);
      await enter('Ada', 'picture');
      await state('out');
      await enter('Ada', 'picture');
      await state('in');
    });

    test(`a connection that is lost ${when} the first offer`, async () => {
      await page.evaluate((moment) => window.at(moment, 'lose'), when);
      await enter('Ada', 'picture');
      await until('another attempt that succeeds', () => page.evaluate(() => window.states.join()),
        (is) => /waiting,(connecting,)+in/.test(is));
      await until('a switch that is on', onAir, (is) => is);
    });
  }
});
