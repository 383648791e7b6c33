import { createHash } from 'node:crypto';

import { foldedUri } from './canonical-uri.ts';
import type { MethodGroup } from './method-group.ts';

/** Of so many reads it is remembered what they brought. */
const MOST_REMEMBERED = 10_000;

/** What has changed. */
export interface AnswerChange {
  readonly isChanged: (uri: string) => boolean;
  /** URIs of it that were read of late, for who cannot say which ones its clients wait for. */
  readonly lately: Iterable<string>;
  /** For whose readers alone it has, `undefined` = for all: others are not to learn of it. */
  readonly partition: string | undefined;
}

/** Who tells clients of changes. */
export interface ChangeAudience {
  changed(change: AnswerChange): void;
  listChanged(group: MethodGroup): void;
}

interface Read {
  /** As it was asked for. */
  readonly uri: string;
  /** One for all spellings. */
  readonly folded: string;
  /** `undefined` where a change has been told since: the next read tells nothing new. */
  fingerprint: string | undefined;
}

/** Tells of changes of what a cache of answers holds to the clients of all servers that share it. */
export class AnswerChanges {
  static readonly #ofCaches = new WeakMap<object, AnswerChanges>();
  readonly #audiences = new Set<ChangeAudience>();
  /** By key, partition included; who was read last comes last. Kept while somebody is there to be told. */
  readonly #reads = new Map<string, Read>();
  readonly #byFolded = new Map<string, Set<Read>>();
  /** In which partitions who comes by a transport has read. */
  readonly #partitions = new WeakMap<object, Set<string>>();

  static of(cache: object): AnswerChanges {
    let changes = this.#ofCaches.get(cache);
    if (changes === undefined) {
      changes = new AnswerChanges();
      this.#ofCaches.set(cache, changes);
    }
    return changes;
  }

  join(audience: ChangeAudience): void {
    this.#audiences.add(audience);
  }

  leave(audience: ChangeAudience): void {
    this.#audiences.delete(audience);
    if (this.#audiences.size > 0) return;
    this.#reads.clear();
    this.#byFolded.clear();
  }

  /** @returns the partitions in which who comes by a transport has read, to be added to */
  partitionsOf(transport: object): Set<string> {
    let partitions = this.#partitions.get(transport);
    if (partitions === undefined) this.#partitions.set(transport, (partitions = new Set()));
    return partitions;
  }

  /** @returns whether a read has brought other content than the last one of its key, and nobody was told */
  noteRead(key: string, uri: string, content: Uint8Array): boolean {
    if (this.#audiences.size === 0) return false;
    const former = this.#reads.get(key);
    const fingerprint = createHash('sha256').update(content).digest('base64');
    this.#forget(key);
    const read: Read = { uri, folded: former?.folded ?? foldedUri(uri), fingerprint };
    this.#reads.set(key, read);
    const alike = this.#byFolded.get(read.folded) ?? new Set();
    this.#byFolded.set(read.folded, alike.add(read));
    if (this.#reads.size > MOST_REMEMBERED) {
      const [oldest] = this.#reads.keys();
      this.#forget(oldest ?? '');
    }
    return former?.fingerprint !== undefined && former.fingerprint !== fingerprint;
  }

  /** Somebody else has told that a URI has changed. */
  noteTold(uri: string): void {
    for (const read of this.#byFolded.get(foldedUri(uri)) ?? []) read.fingerprint = undefined;
  }

  /** A URI has changed, however it is spelled. @param partition for whose readers alone */
  tellUri(uri: string, partition?: string): void {
    if (this.#audiences.size === 0) return;
    const folded = foldedUri(uri);
    const lately = Array.from(this.#byFolded.get(folded) ?? [], (read) => read.uri);
    this.#tell((other) => foldedUri(other) === folded, [uri, ...lately], partition);
  }

  /** Every URI that matches has changed. */
  tellUris(isChanged: (uri: string) => boolean): void {
    if (this.#audiences.size === 0) return;
    const lately: string[] = [];
    for (const read of this.#reads.values()) {
      if (!isChanged(read.uri)) continue;
      read.fingerprint = undefined;
      lately.push(read.uri);
    }
    this.#tell(isChanged, lately);
  }

  /** The lists of a group have changed. */
  tellList(group: MethodGroup): void {
    for (const audience of [...this.#audiences]) audience.listChanged(group);
  }

  #tell(isChanged: (uri: string) => boolean, lately: readonly string[], partition?: string): void {
    const change: AnswerChange = { isChanged, lately: new Set(lately), partition };
    for (const audience of [...this.#audiences]) audience.changed(change);
  }

  #forget(key: string): void {
    const read = this.#reads.get(key);
    if (read === undefined) return;
    this.#reads.delete(key);
    const alike = this.#byFolded.get(read.folded);
    alike?.delete(read);
    if (alike?.size === 0) this.#byFolded.delete(read.folded);
  }
}
