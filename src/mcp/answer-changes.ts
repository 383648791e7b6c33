import { createHash } from 'node:crypto';

import { foldedUri } from './canonical-uri.ts';
import type { MethodGroup } from './question.ts';

/** Of so many reads it is remembered what they brought. */
const MOST_REMEMBERED = 10_000;

/** Who tells clients of changes. */
export interface ChangeAudience {
  /** @param lately URIs that were read of late, for who cannot say which ones its clients wait for */
  changed(isChanged: (uri: string) => boolean, lately: Iterable<string>): void;
  listChanged(group: MethodGroup): void;
}

interface Read {
  readonly uri: string;
  readonly fingerprint: string;
}

/** Tells of changes of what a cache of answers holds to the clients of all servers that share it. */
export class AnswerChanges {
  static readonly #ofCaches = new WeakMap<object, AnswerChanges>();
  readonly #audiences = new Set<ChangeAudience>();
  /** By key, partition included; who was read last comes last. Kept while somebody is there to be told. */
  readonly #reads = new Map<string, Read>();

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
    if (this.#audiences.size === 0) this.#reads.clear();
  }

  /** @returns whether a read has brought other content than the last one of its key */
  noteRead(key: string, uri: string, content: Uint8Array): boolean {
    if (this.#audiences.size === 0) return false;
    const former = this.#reads.get(key)?.fingerprint;
    const fingerprint = createHash('sha256').update(content).digest('base64');
    this.#reads.delete(key);
    this.#reads.set(key, { uri, fingerprint });
    if (this.#reads.size > MOST_REMEMBERED) {
      for (const oldest of this.#reads.keys()) {
        this.#reads.delete(oldest);
        break;
      }
    }
    return former !== undefined && former !== fingerprint;
  }

  /** A URI has changed, however it is spelled. */
  tellUri(uri: string): void {
    const folded = foldedUri(uri);
    this.#tell((other) => foldedUri(other) === folded, [uri]);
  }

  /** Every URI that matches has changed. */
  tellUris(isChanged: (uri: string) => boolean): void {
    this.#tell(isChanged, []);
  }

  /** The lists of a group have changed. */
  tellList(group: MethodGroup): void {
    for (const audience of [...this.#audiences]) audience.listChanged(group);
  }

  #tell(isChanged: (uri: string) => boolean, named: readonly string[]): void {
    if (this.#audiences.size === 0) return;
    const lately = new Set(named);
    for (const { uri } of this.#reads.values()) if (isChanged(uri)) lately.add(uri);
    for (const audience of [...this.#audiences]) audience.changed(isChanged, lately);
  }
}
