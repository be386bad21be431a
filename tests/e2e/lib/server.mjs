// The built server on free ports, its REST API, and the static page of the clients.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

const TYPES = { html: 'text/html', js: 'text/javascript' };

export async function servePage() {
  const folder = new URL('../page/', import.meta.url);
  const server = createServer(async (request, response) => {
    const name = request.url.split('?')[0].slice(1) || 'index.html';
    try {
      const body = await readFile(new URL(name, folder));
      response.writeHead(200, { 'content-type': TYPES[name.split('.').pop()] ?? 'text/plain' }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

/** One file, in parts if asked for them: a player jumps about. */
export async function serveFile(path) {
  const { size } = await stat(path);
  const server = createServer((request, response) => {
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [null, 0, ''];
    const start = Number(first);
    const end = last ? Math.min(Number(last), size - 1) : size - 1;
    response.writeHead(request.headers.range ? 206 : 200, {
      'content-type': `video/${path.split('.').pop()}`, 'accept-ranges': 'bytes', 'content-length': end - start + 1,
      ...(request.headers.range && { 'content-range': `bytes ${start}-${end}/${size}` }),
    });
    createReadStream(path, { start, end }).pipe(response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => { server.closeAllConnections(); server.close(); } };
}

/** Starts the server; `log` collects its lines. */
export async function startServer(options = []) {
  const binary = process.env.SLUICE_BINARY;
  const child = spawn(binary, ['--set', 'http.port=0', '--set', 'ice.addresses=127.0.0.1', ...options],
    { stdio: ['ignore', 'inherit', 'pipe'], env: { ...process.env, G_DEBUG: 'fatal-criticals' } });
  const log = [];
  const port = await new Promise((resolve, reject) => {
    child.on('exit', (code, signal) => reject(new Error(`the server ended (${code ?? signal}):\n${log.join('\n')}`)));
    createInterface({ input: child.stderr }).on('line', (line) => {
      log.push(line);
      const ready = /http_port=(\d+)/.exec(line);
      if (ready) resolve(Number(ready[1]));
    });
  });
  child.removeAllListeners('exit');
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    log,
    pid: child.pid,
    async rest(method, path, body) {
      const response = await fetch(url + path, {
        method, headers: body ? { 'content-type': 'application/json' } : {}, body: body && JSON.stringify(body),
      });
      const json = await response.json();
      if (!response.ok) throw Object.assign(new Error(`${method} ${path}: ${response.status} ${json.detail}`), { status: response.status, json });
      return json;
    },
    /** As a power cut ends it. */
    async kill() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const [code, signal] = await ended;
      if (code !== 0) throw new Error(`the server ended with ${code ?? signal}:\n${log.slice(-40).join('\n')}`);
    },
  };
}

/** The demo that was built with the server. */
export async function startDemo(sluice) {
  const binary = join(dirname(process.env.SLUICE_BINARY), '../../demo/sluice-demo');
  const child = spawn(binary, ['--port', '0', '--sluice', sluice], { stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await new Promise((resolve, reject) => {
    child.on('exit', (code, signal) => reject(new Error(`the demo ended (${code ?? signal})`)));
    createInterface({ input: child.stdout }).once('line', (line) => resolve(/http:\S+/.exec(line)[0]));
  });
  child.removeAllListeners('exit');
  return {
    url,
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const [code, signal] = await ended;
      if (code !== 0) throw new Error(`the demo ended with ${code ?? signal}`);
    },
  };
}
