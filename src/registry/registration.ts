import { badOption, checkDurationMs, checkFunction, checkOptions, checkTags } from '../options.ts';
import { compileTemplate, type UriParams, type UriTemplate } from './uri-template.ts';

/**
 * Loads a resource: a string becomes text, a Uint8Array a blob, `{ contents }` goes out as it is,
 * anything else as JSON. The registry only keeps it; who reads through the registry calls it.
 */
export type ResourceLoader<Context = unknown> = (
  uri: string,
  params: UriParams,
  context: Context,
) => unknown;

/** A concrete resource, as a template's `list` names it. */
export interface ListedResource {
  readonly uri: string;
  readonly name?: string | undefined;
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly mimeType?: string | undefined;
  /** Bytes of the content. */
  readonly size?: number | undefined;
  readonly annotations?: ResourceAnnotations | undefined;
}

/** Hints for clients, as MCP defines them. */
export interface ResourceAnnotations {
  readonly audience?: ('user' | 'assistant')[];
  /** From 0, may be left out, to 1, needed. */
  readonly priority?: number;
  /** ISO 8601. */
  readonly lastModified?: string;
}

/** For whom a list or a completion is made. */
export interface ListContext {
  readonly principal?: string | undefined;
  readonly session?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Lists the resources that exist under a template. */
export type ResourceLister = (
  context: ListContext,
) => Iterable<ListedResource> | Promise<Iterable<ListedResource>>;

/** What a completion knows besides what was typed: the variables that have a value already. */
export interface CompletionContext extends ListContext {
  readonly params: Readonly<Record<string, string>>;
}

/** Proposes values of one variable that go on from what was typed. */
export type VariableCompleter = (
  value: string,
  context: CompletionContext,
) => readonly string[] | Promise<readonly string[]>;

/** What can be said about a pattern when it is registered; everything may be left out. */
export interface RegisterOptions {
  /** How long what is loaded through the pattern lives, in ms; 0 = never expires; default: the cache's. */
  readonly ttlMs?: number | undefined;
  /** Tags of every entry that is loaded through the pattern. */
  readonly tags?: readonly string[] | undefined;
  readonly mimeType?: string | undefined;
  /** Default: the pattern. */
  readonly name?: string | undefined;
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  /** Whether everybody may be given the same cached content; default `false`. */
  readonly public?: boolean | undefined;
  /** Lists what exists under a pattern with variables. */
  readonly list?: ResourceLister | undefined;
  /** A completer for each variable that has one. */
  readonly complete?: Readonly<Record<string, VariableCompleter>> | undefined;
}

/** A pattern as it is registered; never changes. */
export interface Registration<Context = unknown> {
  readonly pattern: string;
  readonly template: UriTemplate;
  readonly loader: ResourceLoader<Context>;
  readonly ttlMs: number | undefined;
  readonly tags: readonly string[];
  readonly mimeType: string | undefined;
  readonly name: string;
  readonly title: string | undefined;
  readonly description: string | undefined;
  readonly public: boolean;
  readonly list: ResourceLister | undefined;
  readonly complete: ReadonlyMap<string, VariableCompleter>;
}

function checkText(option: string, value: unknown): string | undefined {
  if (value !== undefined && (typeof value !== 'string' || value === '')) {
    badOption(option, value, 'a non-empty string');
  }
  return value;
}

function checkPublic(value: unknown): boolean {
  if (value !== undefined && typeof value !== 'boolean') {
    badOption('options.public', value, 'a boolean');
  }
  return value ?? false;
}

function checkList(value: unknown, template: UriTemplate): ResourceLister | undefined {
  if (value === undefined) return undefined;
  checkFunction('options.list', value);
  if (template.variables.length === 0) {
    badOption('options.list', value, 'left out where the pattern has no variables');
  }
  return value as ResourceLister;
}

function checkComplete(
  value: RegisterOptions['complete'],
  template: UriTemplate,
): ReadonlyMap<string, VariableCompleter> {
  const completers = new Map<string, VariableCompleter>();
  for (const [name, completer] of Object.entries(checkOptions('options.complete', value))) {
    if (!template.variables.includes(name)) {
      const allowed = template.variables.join(', ') || 'none: the pattern has no variables';
      badOption('options.complete', name, `keyed by variables of the pattern (${allowed})`);
    }
    checkFunction(`options.complete.${name}`, completer);
    completers.set(name, completer as VariableCompleter);
  }
  return completers;
}

/**
 * Checks what `register` was given and compiles the pattern. Linear in the pattern.
 *
 * @throws `ERR_GRANARY_BAD_TEMPLATE`, `ERR_GRANARY_BAD_OPTION`
 */
export function checkRegistration<Context>(
  pattern: string,
  loader: ResourceLoader<Context>,
  options: RegisterOptions | undefined,
): Registration<Context> {
  if (typeof pattern !== 'string') badOption('pattern', pattern, 'a string');
  const template = compileTemplate(pattern);
  if (template.variables.length === 0 && pattern.endsWith('*')) {
    // invalidatePattern reads it as a prefix, and one string must not mean two things.
    badOption('pattern', pattern, "a URI or a URI template; for a prefix, write '{+rest}' for '*'");
  }
  checkFunction('loader', loader);
  const { ttlMs, tags, mimeType, name, title, description, ...rest } = checkOptions(
    'options',
    options,
  );
  return Object.freeze({
    pattern,
    template,
    loader,
    ttlMs:
      ttlMs === undefined ? undefined : checkDurationMs('options.ttlMs', ttlMs, 'never expires'),
    tags: Object.freeze(tags === undefined ? [] : checkTags('options.tags', tags)),
    mimeType: checkText('options.mimeType', mimeType),
    name: checkText('options.name', name) ?? pattern,
    title: checkText('options.title', title),
    description: checkText('options.description', description),
    public: checkPublic(rest.public),
    list: checkList(rest.list, template),
    complete: checkComplete(rest.complete, template),
  });
}
