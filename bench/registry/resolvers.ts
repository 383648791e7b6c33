import { UriTemplate } from '@modelcontextprotocol/sdk/shared/uriTemplate.js';
import { UriRegistry } from '../../src/registry/uri-registry.ts';

/** What a contender finds for a URI. */
export interface Resolved {
  readonly pattern: string;
  readonly params: Readonly<Record<string, string | string[]>>;
}

/** One way to find the pattern of a URI; throws where there is none. */
export interface Resolver {
  readonly name: string;
  readonly resolve: (uri: string) => Resolved;
}

export function granaryResolver(patterns: readonly string[]): Resolver {
  const registry = new UriRegistry();
  for (const pattern of patterns) registry.register(pattern, () => pattern);
  return { name: 'granary', resolve: (uri) => registry.resolve(uri) };
}

/**
 * As `McpServer` of the SDK finds what a read is for: `new URL`, a look among the exact URIs, then
 * every template in turn, each of which builds its RegExp anew on every call.
 */
export function sdkResolver(patterns: readonly string[]): Resolver {
  const exact: Record<string, Resolved> = {};
  const templates: { readonly pattern: string; readonly template: UriTemplate }[] = [];
  for (const pattern of patterns) {
    if (UriTemplate.isTemplate(pattern)) {
      templates.push({ pattern, template: new UriTemplate(pattern) });
    } else {
      exact[pattern] = { pattern, params: {} };
    }
  }
  return {
    name: 'sdk',
    resolve(text) {
      const uri = new URL(text);
      const found = exact[uri.toString()];
      if (found !== undefined) return found;
      for (const { pattern, template } of templates) {
        const params = template.match(uri.toString());
        if (params !== null) return { pattern, params };
      }
      throw new Error(`nothing matches ${text}`);
    },
  };
}

/**
 * The plain list that one writes first: a RegExp with named groups for each pattern, tried in turn.
 * Fairer than its model, which makes them anew on every call: these are compiled once.
 */
export function regExpResolver(patterns: readonly string[]): Resolver {
  const list = patterns.map((pattern) => ({ pattern, regExp: plainRegExp(pattern) }));
  return {
    name: 'regexp-list',
    resolve(uri) {
      for (const { pattern, regExp } of list) {
        const match = regExp.exec(uri);
        if (match !== null) return { pattern, params: match.groups ?? {} };
      }
      throw new Error(`nothing matches ${uri}`);
    },
  };
}

function plainRegExp(pattern: string): RegExp {
  const source = pattern.split(/(\{[^}]*\})/).map((part) => {
    if (!part.startsWith('{')) return part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
    if (part.startsWith('{+')) return `(?<${part.slice(2, -1)}>.+)`;
    if (!part.startsWith('{?')) return `(?<${part.slice(1, -1)}>[^/]+)`;
    const names = part.slice(2, -1).split(',');
    return String.raw`\?${names.map((name) => `${name}=(?<${name}>[^&]+)`).join('&')}`;
  });
  return new RegExp(`^${source.join('')}$`);
}
