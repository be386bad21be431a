// A room as a backend keeps it: REST to the server on one side, the browsers' pages on the other.
let rooms = 0;

export class Room {
  /** `hidden`: a word of candidates that the browsers are not shown, as "udp". `relays`: by user, what its media goes through. */
  constructor(server, { hidden, relays = {} } = {}) {
    this.server = server;
    this.hidden = hidden;
    this.relays = relays;
    this.id = `e2e-${process.pid}-${(rooms += 1)}`;
    this.users = new Map(); // id -> browser
    this.client = (user) => `${this.id}/${user}`;
  }

  shown(user, { type, sdp }) {
    const isHidden = (line) => line.startsWith('a=candidate:') && line.toLowerCase().includes(` ${this.hidden} `);
    const shown = sdp.split('\r\n').filter((line) => !isHidden(line)).join('\r\n');
    return { type, sdp: this.relays[user]?.shown(shown) ?? shown };
  }

  rest(method, path = '', body = undefined) {
    return this.server.rest(method, `/rooms/${this.id}${path}`, body);
  }

  async join(user, browser) {
    if (!this.users.size) await this.rest('POST');
    const { users } = await this.rest('POST', `/users/${user}`, { userInfo: { name: user } });
    this.users.set(user, browser);
    await Promise.all(users.filter((u) => u.offer).map((u) => this.consume(user, u.userId, u.offer)));
  }

  /** A method of the user's client in its browser. */
  call(user, method, ...args) {
    return this.users.get(user).call(this.client(user), method, ...args);
  }

  /** Sends an offer of `user` to the server, the answer back, and everybody's offers to them. */
  async deliver(user, offer, constraints = undefined) {
    const produced = await this.rest('POST', `/users/${user}/produce`, { offer, ...(constraints && { constraints }) });
    await this.call(user, 'answered', this.shown(user, produced.answer));
    await Promise.all(produced.outbound.map((o) => this.consume(o.userId, user, o.offer)));
    return produced;
  }

  async produce(user, source, options) {
    return this.deliver(user, await this.call(user, 'produce', source, options ?? {}));
  }

  async consume(user, producer, offer) {
    const answer = await this.call(user, 'consume', producer, this.shown(user, offer));
    await this.rest('POST', `/users/${user}/consume`, { producerUserId: producer, answer });
  }

  mute(user, constraints) {
    return this.rest('POST', `/users/${user}/produce`, { constraints });
  }

  seen(user, producer) {
    return this.call(user, 'seen', producer);
  }

  async leave(user) {
    await this.rest('DELETE', `/users/${user}`, {});
    await this.call(user, 'leave');
    this.users.delete(user);
  }

  async close() {
    for (const user of this.users.keys()) await this.call(user, 'leave').catch(() => {});
    if (this.users.size) await this.rest('DELETE');
    this.users.clear();
  }
}
