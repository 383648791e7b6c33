import type { Socket } from 'node:net';
import type { CpuAccount } from './cpu-segments.ts';
import { captureStack, type OpenHandle } from './open-handle.ts';
import type { ResourceUsage } from './resource-usage.ts';
import { isPooled } from './socket-watch.ts';

interface OpenSocket {
  readonly socket: Socket;
  /** Stands for the descriptor until there is one: an address that is still looked up. */
  readonly provisionalId: number;
  pooled: boolean;
  readonly stack: string | undefined;
}

/** What an account keeps besides sums. */
export interface AccountOptions {
  readonly keepStacks: boolean;
  /** Whether what was only guessed to be its own counts as left open. */
  readonly guessedLeaks: boolean;
}

let lastProvisionalId = 0;

/** What one inline execution is charged with. */
export class InlineAccount implements CpuAccount {
  cpuTimeMs = 0;
  recentCpuMs = 0;
  memoryBytes = 0;
  ended = false;
  readonly #options: AccountOptions;
  readonly #sockets = new Map<Socket, OpenSocket>();
  /** Handles that told of their opening: whose they are is certain. */
  #tracked: OpenHandle[] = [];
  /** Descriptors that were new when it had run most. */
  readonly #guessed = new Set<number>();
  #peakMemoryBytes = 0;
  #peakSockets: readonly number[] = [];
  #peakDescriptors: readonly number[] = [];

  constructor(options: AccountOptions) {
    this.#options = options;
  }

  addSocket(socket: Socket, pooled: boolean): void {
    const known = this.#sockets.get(socket);
    if (known !== undefined) {
      known.pooled ||= pooled;
      return;
    }
    lastProvisionalId -= 1;
    const stack = this.openingStack();
    this.#sockets.set(socket, { socket, pooled, stack, provisionalId: lastProvisionalId });
    this.socketIds();
  }

  /** @returns where the code is that opens something now, if stacks are kept. */
  openingStack(): string | undefined {
    return this.#options.keepStacks ? captureStack() : undefined;
  }

  track(handle: OpenHandle): void {
    this.#tracked.push(handle);
    // A tool that opens and closes for hours would otherwise collect what is long closed.
    if (this.#tracked.length % 64 === 0)
      this.#tracked = this.#tracked.filter((one) => one.isOpen());
  }

  guessDescriptor(fd: number): void {
    this.#guessed.add(fd);
  }

  forgetDescriptor(fd: number): void {
    this.#guessed.delete(fd);
  }

  noteMemory(changeBytes: number): void {
    this.memoryBytes = Math.max(0, this.memoryBytes + changeBytes);
    this.#peakMemoryBytes = Math.max(this.#peakMemoryBytes, this.memoryBytes);
  }

  socketIds(): readonly number[] {
    const ids: number[] = [];
    for (const [socket, { provisionalId }] of this.#sockets) {
      if (socket.destroyed) this.#sockets.delete(socket);
      else ids.push(socketDescriptor(socket) ?? provisionalId);
    }
    if (ids.length >= this.#peakSockets.length) this.#peakSockets = ids;
    return ids;
  }

  descriptorIds(): readonly number[] {
    const ids = new Set(this.#guessed);
    for (const handle of this.#tracked) {
      if (handle.kind === 'descriptor' && handle.isOpen()) ids.add(handle.id);
    }
    const list = [...ids];
    if (list.length >= this.#peakDescriptors.length) this.#peakDescriptors = list;
    return list;
  }

  /** What it uses now, or, once it has ended, what it used at its peak. */
  usage(): ResourceUsage {
    const descriptors = this.descriptorIds();
    const sockets = this.socketIds();
    return {
      memoryBytes: {
        value: this.ended ? this.#peakMemoryBytes : this.memoryBytes,
        confidence: 'estimate',
      },
      cpuTimeMs: { value: this.cpuTimeMs, confidence: 'thread' },
      fileHandles: {
        ids: this.ended ? this.#peakDescriptors : descriptors,
        confidence: 'estimate',
      },
      networkConnections: { ids: this.ended ? this.#peakSockets : sockets, confidence: 'exact' },
    };
  }

  /** What should have been closed by now; sockets that an agent keeps for reuse are its own affair. */
  *openHandles(): IterableIterator<OpenHandle> {
    const descriptors = new Set(this.#options.guessedLeaks ? this.#guessed : []);
    for (const handle of this.#tracked) {
      if (!handle.isOpen()) continue;
      if (handle.kind === 'descriptor') descriptors.delete(handle.id);
      yield handle;
    }
    for (const fd of descriptors) {
      yield { kind: 'descriptor', id: fd, stack: undefined, isOpen: () => this.#guessed.has(fd) };
    }
    for (const { socket, pooled, provisionalId, stack } of this.#sockets.values()) {
      if (socket.destroyed || pooled || isPooled(socket)) continue;
      const id = socketDescriptor(socket) ?? provisionalId;
      yield {
        kind: 'socket',
        id,
        stack,
        isOpen: () => !socket.destroyed,
        close: () => socket.end(),
        force: () => socket.destroy(),
      };
    }
  }

  get hasHandles(): boolean {
    return this.#sockets.size + this.#tracked.length + this.#guessed.size > 0;
  }
}

function socketDescriptor(socket: Socket): number | undefined {
  const { _handle: handle } = socket as unknown as { _handle?: { fd?: number } | null };
  const fd = handle?.fd;
  return fd === undefined || fd < 0 ? undefined : fd;
}
