// Tools whose true use is known: plain JavaScript, so that Node 20 loads them in a thread or a process too.
import { spawn } from 'node:child_process';
import { closeSync, createReadStream, openSync, promises } from 'node:fs';
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

export async function holdHeap(mebibytes, ms, context) {
  const kept = [];
  // Numbers that are no small integers take eight bytes each, in one piece that no scavenge copies.
  for (let i = 0; i < mebibytes; i += 1) kept.push(Array.from({ length: MIB / 8 }).fill(i + 0.5));
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
  if (context.keepOpen !== true) for (const close of open) await close();
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
