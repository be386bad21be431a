// A way from a browser to the server that can be cut.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

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

/** A long way from a browser to the server, over UDP and TCP: what goes there or comes back takes `delayMs`. */
export class Detour {
  came = { udp: 0, tcp: 0 }; // bytes of the server

  #server; // its port

  #front = createSocket('udp4');

  #back = new Map(); // a browser's address -> the socket that stands for it

  #listener;

  #closed = false;

  constructor(delayMs) {
    const later = (task) => setTimeout(() => this.#closed || task(), delayMs);
    this.#front.on('message', (datagram, { address, port }) => {
      const browser = `${address}:${port}`;
      if (!this.#back.has(browser)) {
        this.#back.set(browser, createSocket('udp4').on('message', (reply) => {
          this.came.udp += reply.length;
          later(() => this.#front.send(reply, port, address));
        }));
      }
      later(() => this.#back.get(browser).send(datagram, this.#server, '127.0.0.1'));
    });
    this.#listener = createServer({ noDelay: true }, (browser) => {
      const server = connect({ port: this.#server, host: '127.0.0.1', noDelay: true });
      browser.on('data', (bytes) => later(() => server.write(bytes)));
      server.on('data', (bytes) => {
        this.came.tcp += bytes.length;
        later(() => browser.write(bytes));
      });
      for (const [one, other] of [[browser, server], [server, browser]]) {
        one.on('error', () => {}); // The other end goes as it likes.
        one.on('close', () => other.destroy());
      }
    });
  }

  async open() {
    this.#front.bind(0, '127.0.0.1');
    this.#listener.listen(0, '127.0.0.1');
    await Promise.all([once(this.#front, 'listening'), once(this.#listener, 'listening')]);
    return this;
  }

  /** A description of the server's, with no other way to it. */
  shown(sdp) {
    const candidate = /^(a=candidate:\S+ 1 (udp|tcp) \d+ 127\.0\.0\.1) (\d+)/gim;
    [[,,, this.#server]] = sdp.matchAll(candidate);
    return sdp.replace(candidate, (_, start, transport) => (
      `${start} ${(transport.toLowerCase() === 'udp' ? this.#front : this.#listener).address().port}`));
  }

  close() {
    this.#closed = true;
    this.#listener.close();
    this.#front.close();
    for (const socket of this.#back.values()) socket.close();
  }
}
