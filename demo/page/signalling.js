// The WebSocket to the backend (../backend.h has the protocol): requests that are answered, and news of other users.

export class Signalling {
  #requests = new Map(); // id -> { resolve, reject }
  #last = 0;
  #socket;
  #end;

  /** `onNews` gets everything that is no answer, in the order in which the media server said it. */
  constructor(onNews) {
    const url = new URL('ws', location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    url.hash = '';
    this.#socket = new WebSocket(url);
    this.#socket.onmessage = ({ data }) => this.#receive(JSON.parse(data), onNews);
    /** Resolves to true when the connection is there, to false when there will be none. */
    this.opened = new Promise((resolve) => {
      this.#socket.onopen = () => resolve(true);
      this.#socket.addEventListener('close', () => resolve(false));
    });
    /** Resolves when the connection has gone; no request waits longer. */
    this.closed = new Promise((resolve) => {
      this.#end = resolve;
      this.#socket.addEventListener('close', resolve);
    });
  }

  /** One call of the REST API, by way of the backend. What it fails with has the `status`. */
  async request(type, body = {}) {
    if (!await this.opened) throw new Error('The backend does not answer.');
    this.#last += 1;
    const id = this.#last;
    this.#socket.send(JSON.stringify({ type, id, ...body }));
    return new Promise((resolve, reject) => {
      this.#requests.set(id, { resolve, reject });
      this.closed.then(() => reject(new Error('The connection to the backend was lost.')));
    });
  }

  close() {
    this.#socket.close();
    this.#end();
  }

  #receive(message, onNews) {
    const waiting = this.#requests.get(message.id);
    if (!waiting) return onNews(message);
    this.#requests.delete(message.id);
    if (message.type === 'error') waiting.reject(Object.assign(new Error(message.detail ?? message.title), { status: message.status }));
    else waiting.resolve(message);
  }
}
