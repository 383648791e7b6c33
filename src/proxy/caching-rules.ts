import { canonicalUri } from '../mcp/canonical-uri.ts';
import { publicUris } from '../mcp/public-uris.ts';
import { badOption, checkDurationMs } from '../options.ts';
import { parsePattern } from '../registry/uri-pattern.ts';

/** How reads of some URIs are cached. */
export interface CachingRule {
  /** A URI template, an exact URI, or a prefix with a trailing `*`. */
  readonly uris: string;
  /** `false`: never. */
  readonly cache?: boolean | undefined;
  /** Whether every client may be given the same copy. */
  readonly public?: boolean | undefined;
  /** ms; 0 = until the upstream tells of a change. */
  readonly ttlMs?: number | undefined;
}

/** How an answer is cached, and why. */
export interface Verdict {
  readonly cached: boolean;
  readonly isPublic: boolean;
  /** ms; 0 = until the upstream tells of a change. */
  readonly ttlMs: number;
  readonly because: string;
}

interface CompiledRule extends CachingRule {
  readonly matches: (uri: string) => boolean;
}

/** What the operator says of caching: the first rule that matches a URI holds. */
export class CachingRules {
  readonly #ttlMs: number;
  readonly #rules: readonly CompiledRule[];

  /**
   * @param ttlMs where no rule says more
   * @throws `ERR_GRANARY_BAD_OPTION`, `ERR_GRANARY_BAD_TEMPLATE`
   */
  constructor(ttlMs: number, rules: readonly CachingRule[]) {
    this.#ttlMs = checkDurationMs('ttlMs', ttlMs, 'until the upstream tells of a change');
    this.#rules = rules.map(compiled);
  }

  forUri(uri: string): Verdict {
    const rule = this.#rules.find(({ matches }) => matches(uri));
    if (rule === undefined) return this.forList();
    const { cache = true, public: isPublic = false, ttlMs = this.#ttlMs, uris } = rule;
    const because = `the rule for ${uris}`;
    return { cached: cache, isPublic: cache && isPublic, ttlMs, because };
  }

  /** Of lists, and of tools that the operator names. */
  forList(): Verdict {
    return { cached: true, isPublic: false, ttlMs: this.#ttlMs, because: 'the default' };
  }
}

function compiled(rule: CachingRule): CompiledRule {
  const { uris, ttlMs, public: isPublic = false } = rule;
  if (typeof uris !== 'string' || uris === '') badOption('uris', uris, 'a URI template');
  if (ttlMs !== undefined) checkDurationMs('ttlMs', ttlMs, 'until the upstream tells of a change');
  // What is not to be shared is matched in any spelling, what is shared only where every spelling is.
  if (isPublic) return { ...rule, matches: publicUris([uris]) };
  const pattern = parsePattern(uris);
  const matches = (uri: string): boolean =>
    pattern.matches(uri) || pattern.matches(canonicalUri(uri));
  return { ...rule, matches };
}
