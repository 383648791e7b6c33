import { types } from 'node:util';

import { badOption, checkOptions, checkTag } from '../options.ts';
import { parsePattern, type UriPattern } from '../registry/uri-pattern.ts';
import { compileTemplate, type UriTemplate } from '../registry/uri-template.ts';
import type { MethodGroup } from './method-group.ts';

/**
 * What a call of a tool changes: the URIs that match a pattern, as `invalidatePattern` takes it, all that
 * has a tag, or a list, by the method that asks for it (`resources/list`, `resources/templates/list`,
 * `tools/list`, `prompts/list`). Of a template, variables that the call has arguments for stand for those alone:
 * `file://{+path}` is the one file that `path` names, and every file where there is no such argument.
 */
export type MutationTarget = string | RegExp | { readonly tag: string };

/** Tools that change resources, by name, and what each changes. */
export type Mutations = Readonly<Record<string, readonly MutationTarget[]>>;

/** Methods that may stand as targets, as no URI is without a scheme, and what changes with each list. */
export const LIST_METHODS: ReadonlyMap<string, MethodGroup> = new Map([
  ['resources/list', 'resources'],
  ['resources/templates/list', 'resources'],
  ['tools/list', 'tools'],
  ['prompts/list', 'prompts'],
]);

/** What one call has changed. */
export type Mutation =
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'list'; readonly group: MethodGroup }
  | {
      readonly kind: 'uris';
      readonly uris: UriPattern;
      /** Matches all of them, and maybe more: for who is told of patterns as they are written. */
      readonly wide: string | RegExp;
    };

type Bind = (args: Readonly<Record<string, unknown>>) => Mutation;

/** What tools change, after the checks. */
export type ToolMutations = ReadonlyMap<string, readonly Bind[]>;

/**
 * @returns `undefined` where no tool changes anything
 * @throws `ERR_GRANARY_BAD_OPTION` naming the tool, `ERR_GRANARY_BAD_TEMPLATE`
 */
export function readMutations(given: Mutations | undefined): ToolMutations | undefined {
  const tools = Object.entries(checkOptions('mutates', given)).map(([name, targets]) => {
    const option = `mutates.${name}`;
    if (!Array.isArray(targets))
      badOption(option, targets, 'an array of patterns, methods of lists and { tag }');
    return [name, targets.map((target: unknown) => readTarget(option, target))] as const;
  });
  return tools.length === 0 ? undefined : new Map(tools);
}

/** @returns what a call with these arguments has changed */
export function mutationsOf(targets: readonly Bind[], args: unknown): readonly Mutation[] {
  const known = typeof args === 'object' && args !== null ? (args as Record<string, unknown>) : {};
  return targets.map((bind) => bind(known));
}

function readTarget(option: string, target: unknown): Bind {
  const group = typeof target === 'string' ? LIST_METHODS.get(target) : undefined;
  if (group !== undefined) {
    const mutation: Mutation = { kind: 'list', group };
    return () => mutation;
  }
  if (typeof target === 'string' || types.isRegExp(target)) {
    const uris = parsePattern(target);
    if (typeof target === 'string' && uris.kind === 'template') return bindTemplate(target);
    const mutation: Mutation = { kind: 'uris', uris, wide: target };
    return () => mutation;
  }
  if (typeof target === 'object' && target !== null && 'tag' in target) {
    const { tag } = target;
    checkTag(`${option}.tag`, tag);
    const mutation: Mutation = { kind: 'tag', tag: tag as string };
    return () => mutation;
  }
  return badOption(
    option,
    target,
    'a URI, a URI template, a prefix with *, a RegExp, the method of a list or { tag }',
  );
}

/** Values are compared as a URI has them when it is decoded: however it is spelled, it is meant. */
function bindTemplate(wide: string): Bind {
  const template = compileTemplate(wide);
  return (args) => {
    const bound = boundOf(template, args);
    const matches = (uri: string): boolean => {
      const params = template.match(uri);
      return params !== undefined && bound.every(([name, value]) => params[name] === value);
    };
    return {
      kind: 'uris',
      uris: { kind: 'template', prefix: template.literalPrefix, matches },
      wide,
    };
  };
}

function boundOf(
  { variables }: UriTemplate,
  args: Readonly<Record<string, unknown>>,
): [string, string][] {
  return variables.flatMap((name): [string, string][] => {
    const value = Object.hasOwn(args, name) ? args[name] : undefined;
    const isScalar =
      typeof value === 'string' || typeof value === 'number' || value === true || value === false;
    return isScalar && value !== '' ? [[name, String(value)]] : [];
  });
}
