// Tools whose true use is known: plain JavaScript, so that Node 20 loads them in a thread or a process too.
import { spawn } from 'node:child_process';
import { closeSync, createReadStream, openSync, promises, readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';

const MIB = 1_048_576;

/** Waits for the signal to abort, or for the time to pass. */
async function hold(ms, context) {
  await sleep(ms, undefined, { signal: context.signal }).catch(() => undefined);
}

/** Burns CPU, in slices of a few ms between which others may run. */
export async function burn(ms, _context) {
  let spentMs = 0;
  while (spentMs < ms) {
    const before = process.cpuUsage();
    for (let i = 0, x = 1; i < 400_000; i += 1) x = (x * 16_807) % 2_147_483_647;
    const { user, system } = process.cpuUsage(before);
    spentMs += (user + system) / 1_000;
    await turn();
  }
  return spentMs;
}

/** The same, by the time of this thread alone, which is what a tool in a thread is charged with. */
export async function burnThread(ms, _context) {
  const read = () =>
    Number.parseInt(readFileSync('/proc/thread-self/schedstat', 'latin1'), 10) / 1e6;
  const startMs = read();
  while (read() - startMs < ms) {
    for (let i = 0, x = 1; i < 400_000; i += 1) x = (x * 16_807) % 2_147_483_647;
    await turn();
  }
  return read() - startMs;
}

export async function holdHeap(mebibytes, ms, context) {
  // Numbers that are no small integers take eight bytes each, in one piece that no scavenge copies; a slice of
  // them leaves nothing behind that would have to be collected.
  const kept = [Array.from({ length: MIB / 8 }).fill(0.5)];
  while (kept.length < mebibytes) kept.push(kept[0].slice());
  context.progress('holding');
  await hold(ms, context);
  return kept.length;
}

export async function holdBuffers(mebibytes, ms, context) {
  const kept = [];
  for (let i = 0; i < mebibytes; i += 1) kept.push(Buffer.alloc(MIB, 1));
  context.progress('holding');
  await hold(ms, context);
  return kept.length;
}

export async function openFiles(how, count, ms, context) {
  const file = process.execPath;
  const open = [];
  for (let i = 0; i < count; i += 1) {
    if (how === 'openSync') {
      const fd = openSync(file);
      open.push(() => closeSync(fd));
    } else if (how === 'promises.open') {
      const handle = await promises.open(file);
      open.push(() => handle.close());
    } else {
      const stream = createReadStream(file, { highWaterMark: 16 });
      await new Promise((resolve) => {
        stream.once('open', resolve);
      });
      open.push(
        () =>
          new Promise((resolve) => {
            stream.close(resolve);
          }),
      );
    }
  }
  context.progress('holding');
  await hold(ms, context);
  if (context.keepOpen !== true) await Promise.all(open.map(async (close) => close()));
  return open.length;
}

export async function openSockets(how, count, port, ms, context) {
  const agent = new Agent({ keepAlive: true });
  const sockets = [];
  await Promise.all(
    Array.from({ length: count }, async () => {
      if (how === 'net') {
        const socket = connect(port, '127.0.0.1');
        sockets.push(socket);
        await new Promise((resolve) => {
          socket.once('connect', resolve);
        });
      } else if (how === 'http') {
        await new Promise((resolve, reject) => {
          get({ port, host: '127.0.0.1', agent }, (response) =>
            response.resume().once('end', resolve),
          ).once('error', reject);
        });
      } else {
        await (await fetch(`http://127.0.0.1:${port}/`)).text();
      }
    }),
  );
  context.progress('holding');
  await hold(ms, context);
  for (const socket of sockets) socket.destroy();
  agent.destroy();
  return count;
}

export async function leakEverything(port, context) {
  const socket = connect(port, '127.0.0.1');
  await new Promise((resolve) => {
    socket.once('connect', resolve);
  });
  await promises.open(process.execPath);
  setInterval(() => undefined, 1_000);
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  context.progress(child.pid);
  return child.pid;
}

export async function holdNative(mebibytes, ms, context) {
  const memory = new WebAssembly.Memory({ initial: mebibytes * 16 });
  new Uint8Array(memory.buffer).fill(1);
  context.progress('holding');
  await hold(ms, context);
  return memory.buffer.byteLength;
}

export function endless(context) {
  context.progress('looping');
  for (;;);
}

export async function hang(context) {
  context.progress('hanging');
  await new Promise(() => undefined);
}

/** Children that would start children, and one that leaves the tree. */
export async function forkBomb(count, context) {
  const pids = [];
  for (let i = 0; i < count; i += 1) {
    pids.push(spawn('/bin/sh', ['-c', 'sleep 300 & sleep 300'], { stdio: 'ignore' }).pid);
  }
  const escaped = spawn('/bin/sh', ['-c', 'sleep 300'], { stdio: 'ignore', detached: true });
  escaped.unref();
  pids.push(escaped.pid);
  context.progress(pids);
  for (;;);
}

export async function burnInChild(ms, _context) {
  const program = `const until = ${ms} * 1000; let x = 1; for (;;) { for (let i = 0; i < 1e5; i += 1) x = (x * 16807) % 2147483647; const { user, system } = process.cpuUsage(); if (user + system > until) break; }`;
  const child = spawn(process.execPath, ['-e', program], { stdio: 'ignore' });
  await new Promise((resolve) => {
    child.once('exit', resolve);
  });
  return ms;
}

export function exitNow(code) {
  process.exit(code);
}

export function crash() {
  process.kill(process.pid, 'SIGSEGV');
  for (;;);
}

export async function failLater(_context) {
  setTimeout(() => {
    throw new Error('nobody caught it');
  }, 1);
  await new Promise(() => undefined);
}

export function fail(_context) {
  throw Object.assign(new TypeError('it failed', { cause: new Error('deeper', { cause: 42 }) }), {
    code: 'E_TOOL',
  });
}

export function echo(value, context) {
  context.progress({ half: true });
  return value;
}

export function moveBack(buffer, context) {
  return context.transfer(new Uint8Array(buffer).fill(7).buffer, [buffer]);
}

export async function waitForAbort(context) {
  context.progress('waiting');
  return await new Promise((resolve) => {
    context.signal.addEventListener('abort', () => resolve(context.signal.reason.message));
  });
}

/** Takes a buffer more each few ms, until it is ended; `heeds` its signal or does not. */
export async function growBuffers(mebibytes, everyMs, heeds, context) {
  const kept = [];
  for (;;) {
    kept.push(Buffer.alloc(mebibytes * MIB, 1));
    context.progress(kept.length);
    if (heeds && context.signal.aborted) throw context.signal.reason;
    await sleep(everyMs);
  }
}
