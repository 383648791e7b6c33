import type { Socket } from 'node:net';
import type { CpuAccount } from './cpu-segments.ts';
import { captureStack, type OpenHandle } from './open-handle.ts';
import type { HandleSet, ResourceUsage } from './resource-usage.ts';
import type { Placed } from './running-list.ts';
import type { Participant } from './shared-ledger.ts';
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

const NONE: readonly number[] = [];
/** What most executions have. */
export const NO_INLINE_HANDLES = {
  fileHandles: { ids: NONE, confidence: 'estimate' },
  networkConnections: { ids: NONE, confidence: 'exact' },
} as const satisfies Partial<ResourceUsage>;

/** What one inline execution is charged with. */
export class InlineAccount implements CpuAccount, Placed {
  cpuTimeMs = 0;
  pendingMs = 0;
  recentCpuMs = 0;
  memoryBytes = 0;
  ended = false;
  /** In the list of those that run. */
  place = -1;
  /** Whose account it is. */
  participant: Participant | undefined;
  readonly #options: AccountOptions;
  // Most open nothing: what holds handles is made for the first.
  #sockets: Map<Socket, OpenSocket> | undefined;
  /** Handles that told of their opening: whose they are is certain. */
  #tracked: OpenHandle[] | undefined;
  /** Descriptors that were new when it had run most. */
  #guessed: Set<number> | undefined;
  #peakMemoryBytes = 0;
  #peakSockets: readonly number[] = NONE;
  #peakDescriptors: readonly number[] = NONE;

  constructor(options: AccountOptions) {
    this.#options = options;
  }

  addSocket(socket: Socket, pooled: boolean): void {
    this.#sockets ??= new Map();
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
    this.#tracked ??= [];
    this.#tracked.push(handle);
    // A tool that opens and closes for hours would otherwise collect what is long closed.
    if (this.#tracked.length % 64 === 0)
      this.#tracked = this.#tracked.filter((one) => one.isOpen());
  }

  guessDescriptor(fd: number): void {
    this.#guessed ??= new Set();
    this.#guessed.add(fd);
  }

  forgetDescriptor(fd: number): void {
    this.#guessed?.delete(fd);
  }

  noteMemory(changeBytes: number): void {
    // Whole bytes: a fraction would be an object of its own.
    this.memoryBytes = Math.max(0, Math.round(this.memoryBytes + changeBytes));
    this.#peakMemoryBytes = Math.max(this.#peakMemoryBytes, this.memoryBytes);
  }

  socketIds(): readonly number[] {
    if (this.#sockets === undefined) return NONE;
    const ids: number[] = [];
    for (const [socket, { provisionalId }] of this.#sockets) {
      if (socket.destroyed) this.#sockets.delete(socket);
      else ids.push(socketDescriptor(socket) ?? provisionalId);
    }
    if (ids.length >= this.#peakSockets.length) this.#peakSockets = ids;
    return ids;
  }

  descriptorIds(): readonly number[] {
    if (this.#guessed === undefined && this.#tracked === undefined) return NONE;
    const ids = new Set(this.#guessed);
    for (const handle of this.#tracked ?? []) {
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
      cpuTimeMs: { value: this.cpuTimeMs + this.pendingMs, confidence: 'thread' },
      fileHandles: handleSet(
        this.ended ? this.#peakDescriptors : descriptors,
        NO_INLINE_HANDLES.fileHandles,
      ),
      networkConnections: handleSet(
        this.ended ? this.#peakSockets : sockets,
        NO_INLINE_HANDLES.networkConnections,
      ),
    };
  }

  /** What should have been closed by now; sockets that an agent keeps for reuse are its own affair. */
  *openHandles(): IterableIterator<OpenHandle> {
    const descriptors = new Set(this.#options.guessedLeaks ? this.#guessed : []);
    for (const handle of this.#tracked ?? []) {
      if (!handle.isOpen()) continue;
      if (handle.kind === 'descriptor') descriptors.delete(handle.id);
      yield handle;
    }
    for (const fd of descriptors) {
      yield {
        kind: 'descriptor',
        id: fd,
        stack: undefined,
        isOpen: () => this.#guessed?.has(fd) === true,
      };
    }
    for (const { socket, pooled, provisionalId, stack } of this.#sockets?.values() ?? []) {
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

  /** The most memory that it was charged with at a time. */
  get peakMemoryBytes(): number {
    return this.#peakMemoryBytes;
  }

  get hasHandles(): boolean {
    return (
      this.#sockets !== undefined || this.#tracked !== undefined || (this.#guessed?.size ?? 0) > 0
    );
  }
}

function handleSet(ids: readonly number[], none: HandleSet): HandleSet {
  return ids.length === 0 ? none : { ids, confidence: none.confidence };
}

function socketDescriptor(socket: Socket): number | undefined {
  const { _handle: handle } = socket as unknown as { _handle?: { fd?: number } | null };
  const fd = handle?.fd;
  return fd === undefined || fd < 0 ? undefined : fd;
}
