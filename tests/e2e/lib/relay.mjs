// A way from a browser to the server that can be cut.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

export class Relay {
  cut = false;

  #server; // its port

  #front = createSocket('udp4');

  #back = new Map(); // a browser's address -> the socket that stands for it

  constructor() {
    this.#front.on('message', (datagram, browser) => this.#forward(datagram, browser));
  }

  async open() {
    this.#front.bind(0, '127.0.0.1');
    await once(this.#front, 'listening');
    return this;
  }

  /** A description of the server's, with no other way to it. */
  shown(sdp) {
    const udp = /^(a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1) (\d+)/gim;
    [[,, this.#server]] = sdp.matchAll(udp);
    return sdp.replace(/^a=candidate:\S+ 1 tcp .*\r\n/gim, '').replace(udp, `$1 ${this.#front.address().port}`);
  }

  #forward(datagram, { address, port }) {
    const browser = `${address}:${port}`;
    if (!this.#back.has(browser)) {
      this.#back.set(browser, createSocket('udp4')
        .on('message', (reply) => { if (!this.cut) this.#front.send(reply, port, address); }));
    }
    if (!this.cut) this.#back.get(browser).send(datagram, this.#server, '127.0.0.1');
  }

  close() {
    for (const socket of [this.#front, ...this.#back.values()]) socket.close();
  }
}
