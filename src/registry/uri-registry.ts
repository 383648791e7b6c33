import { describeError, describeValue } from '../describe-value.ts';
import { GranaryError } from '../errors.ts';
import { badOption, checkFunction, checkUri } from '../options.ts';
import { PrefixTree } from './prefix-tree.ts';
import {
  checkRegistration,
  type RegisterOptions,
  type Registration,
  type ResourceLoader,
} from './registration.ts';
import { noParams, type UriParams } from './uri-template.ts';

/** The pattern that a URI belongs to, and what its variables stand for. */
export interface Resolution<Context = unknown> {
  readonly pattern: string;
  /** Percent-decoded; inherits nothing. */
  readonly params: UriParams;
  readonly loader: ResourceLoader<Context>;
  /** In ms; 0 = never expires; `undefined` = as the cache has it. */
  readonly ttlMs: number | undefined;
  readonly tags: readonly string[];
  readonly mimeType: string | undefined;
  readonly public: boolean;
  /** Everything else that was said when the pattern was registered. */
  readonly registration: Registration<Context>;
}

/** What listeners of `onChange` are told. */
export interface RegistryChange<Context = unknown> {
  readonly change: 'registered' | 'unregistered';
  readonly registration: Registration<Context>;
}

export type RegistryListener<Context = unknown> = (change: RegistryChange<Context>) => void;

interface Subscription<Context> {
  readonly listener: RegistryListener<Context>;
}

interface Candidate<Context> {
  readonly registration: Registration<Context>;
  readonly order: number;
}

/** The more literal pattern first, then the earlier one; never 0 for two candidates. */
function byPrecedence<Context>(a: Candidate<Context>, b: Candidate<Context>): number {
  return (
    b.registration.template.literalLength - a.registration.template.literalLength ||
    a.order - b.order
  );
}

/** Of registrations that may be gone since; knows each for as long as somebody holds it. */
const candidates = new WeakMap<object, Candidate<never>>();

/** Whether one of two registrations of a registry wins the URIs that both match; both may be gone. */
export function precedes<Context>(a: Registration<Context>, b: Registration<Context>): boolean {
  const [first, second] = [candidates.get(a), candidates.get(b)];
  return first !== undefined && second !== undefined && byPrecedence(first, second) < 0;
}

/**
 * Which loader a URI belongs to.
 *
 * Patterns are URI templates (`compileTemplate`) and exact URIs. The most literal one that matches
 * wins: an exact URI before any template, then the template with more characters outside its
 * expressions, then the one that was registered earlier.
 *
 * @example
 * ```ts
 * import { UriRegistry } from 'mcp-granary';
 * const registry = new UriRegistry();
 * registry.register('user://{id}/profile', (uri, params) => ({ name: `User ${params.id}` }), {
 *   ttlMs: 300_000,
 * });
 * const { params, ttlMs } = registry.resolve('user://42/profile');
 * console.log(params.id, ttlMs); // 42 300000
 * ```
 */
export class UriRegistry<Context = unknown> {
  /** By pattern, in the order of registration. */
  readonly #candidates = new Map<string, Candidate<Context>>();
  /** Patterns without variables stay out of the tree: one lookup finds them. */
  readonly #templates = new PrefixTree<Candidate<Context>>(byPrecedence);
  readonly #listeners = new Set<Subscription<Context>>();
  /** Flat, so that a change made by a listener is told after the one that it was told of. */
  readonly #deliveries: {
    readonly to: Subscription<Context>;
    readonly change: RegistryChange<Context>;
  }[] = [];
  #registered = 0;

  /**
   * Registers a loader for a pattern. Linear in the pattern.
   *
   * @param pattern an exact URI or a URI template
   * @param loader called by whoever reads through the registry
   * @returns what was registered
   * @throws `ERR_GRANARY_BAD_TEMPLATE` with the position; `ERR_GRANARY_BAD_OPTION`, also for a
   * pattern that is registered already
   */
  register(
    pattern: string,
    loader: ResourceLoader<Context>,
    options?: RegisterOptions,
  ): Registration<Context> {
    const registration = checkRegistration(pattern, loader, options);
    if (this.#candidates.has(pattern)) {
      badOption('pattern', pattern, 'a pattern that is not registered yet');
    }
    const candidate = { registration, order: this.#registered++ };
    this.#candidates.set(pattern, candidate);
    candidates.set(registration, candidate);
    if (!isExact(registration)) {
      this.#templates.insert(registration.template.literalPrefix, candidate);
    }
    this.#tell({ change: 'registered', registration });
    return registration;
  }

  /**
   * Forgets a pattern; what was loaded through it stays cached.
   *
   * @returns whether the pattern was registered
   * @throws `ERR_GRANARY_BAD_OPTION` for anything but a string
   */
  unregister(pattern: string): boolean {
    if (typeof pattern !== 'string') badOption('pattern', pattern, 'a string');
    const candidate = this.#candidates.get(pattern);
    if (candidate === undefined) return false;
    const { registration } = candidate;
    this.#candidates.delete(pattern);
    if (!isExact(registration)) {
      this.#templates.remove(registration.template.literalPrefix, candidate);
    }
    this.#tell({ change: 'unregistered', registration });
    return true;
  }

  /**
   * Finds the pattern of a URI. Linear in the URI; independent of the number of patterns whose
   * literal prefix the URI does not have. Allocates the params and the answer.
   *
   * @throws `ERR_GRANARY_NO_MATCH` with `data.uri` where no pattern matches; `ERR_GRANARY_BAD_URI`
   * for anything but a non-empty string
   */
  resolve(uri: string): Resolution<Context> {
    checkUri(uri);
    const exact = this.#candidates.get(uri)?.registration;
    // A template is registered under its own text, which as a URI it may even match.
    if (exact !== undefined && isExact(exact)) {
      return resolution(exact, noParams());
    }
    let best: Candidate<Context> | undefined;
    let bestParams: UriParams | undefined;
    const lists = this.#templates.prefixesOf(uri);
    // The longest prefix is the likeliest winner, and a winner spares the less literal the match.
    for (let index = lists.length - 1; index >= 0; index--) {
      for (const candidate of lists[index]!) {
        if (best !== undefined && byPrecedence(best, candidate) < 0) break;
        const params = candidate.registration.template.matchAfterPrefix(uri);
        if (params === undefined) continue;
        best = candidate;
        bestParams = params;
        break;
      }
    }
    if (best === undefined || bestParams === undefined) {
      throw new GranaryError(
        'ERR_GRANARY_NO_MATCH',
        `no pattern is registered for the URI ${describeValue(uri)}`,
        { data: { uri } },
      );
    }
    return resolution(best.registration, bestParams);
  }

  /** @returns what is registered, in the order of registration; a copy. */
  list(): Registration<Context>[] {
    return Array.from(this.#candidates.values(), ({ registration }) => registration);
  }

  /**
   * Tells a listener of every pattern that is registered or unregistered from now on, after the
   * registry has changed and before the call that changed it returns. What a listener throws stops
   * nothing and becomes a process warning.
   *
   * @returns ends it
   * @throws `ERR_GRANARY_BAD_OPTION` for anything but a function
   */
  onChange(listener: RegistryListener<Context>): () => void {
    checkFunction('listener', listener);
    const subscription = { listener };
    this.#listeners.add(subscription);
    return () => {
      this.#listeners.delete(subscription);
    };
  }

  #tell(change: RegistryChange<Context>): void {
    for (const to of this.#listeners) this.#deliveries.push({ to, change });
    for (;;) {
      const delivery = this.#deliveries.shift();
      if (delivery === undefined) return;
      // Ended meanwhile by a listener before it.
      if (!this.#listeners.has(delivery.to)) continue;
      try {
        delivery.to.listener(delivery.change);
      } catch (error) {
        const what = describeError(error, 'stack');
        process.emitWarning(`a listener of the registry failed: ${what}`, {
          type: 'GranaryListenerWarning',
          code: 'GRANARY_LISTENER_FAILED',
        });
      }
    }
  }
}

function isExact(registration: Registration<never>): boolean {
  return registration.template.variables.length === 0;
}

function resolution<Context>(
  registration: Registration<Context>,
  params: UriParams,
): Resolution<Context> {
  return {
    pattern: registration.pattern,
    params,
    loader: registration.loader,
    ttlMs: registration.ttlMs,
    tags: registration.tags,
    mimeType: registration.mimeType,
    public: registration.public,
    registration,
  };
}
