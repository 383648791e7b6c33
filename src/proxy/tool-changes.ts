import { inAnySpelling } from '../mcp/canonical-uri.ts';
import { MutatingCalls } from '../mcp/mutating-calls.ts';
import { TaskCalls, type ToolCall } from '../mcp/task-calls.ts';
import type { MethodGroup } from '../mcp/method-group.ts';
import {
  LIST_METHODS,
  mutationsOf,
  readMutations,
  type ToolMutations,
} from '../mcp/tool-mutations.ts';
import { badOption } from '../options.ts';
import type { AnswerStore } from './answer-store.ts';
import type { Change } from './change-notices.ts';

/**
 * What a call of a tool changes: the URIs that a template, an exact URI or a prefix with a trailing `*`
 * means, or a list, or what tools return, by the method that asks for it.
 */
type ChangeTarget = string;

/** Tools that change what may be cached, by name, and what each changes. */
export type ToolTargets = Readonly<Record<string, readonly ChangeTarget[]>>;

/** Who is to hear of changes: a client, by what it has subscribed to. */
export interface ChangeListener {
  changed(change: Change): void;
}

/** Methods that may stand as targets; the group whose subscribers are told. */
const METHODS: ReadonlyMap<string, MethodGroup | undefined> = new Map<
  string,
  MethodGroup | undefined
>([
  ...LIST_METHODS,
  // What tools have returned before: nobody subscribes to it.
  ['tools/call', undefined],
]);

/** Drops what the tools of the upstream change, by the operator's word, and tells all clients of it. */
export class ToolChanges {
  /** Which calls have succeeded. */
  readonly calls: MutatingCalls;
  readonly #store: AnswerStore;
  readonly #uris: ToolMutations;
  readonly #methods: ReadonlyMap<string, readonly string[]>;
  readonly #listeners = new Set<ChangeListener>();

  /** @throws `ERR_GRANARY_BAD_OPTION` naming the tool, `ERR_GRANARY_BAD_TEMPLATE` */
  constructor(store: AnswerStore, targets: ToolTargets) {
    this.#store = store;
    const tools = Object.entries(targets);
    for (const [tool, given] of tools) checkTargets(tool, given);
    const uris = tools.map(([tool, given]) => [tool, given.filter((one) => !isMethod(one))]);
    this.#uris = readMutations(Object.fromEntries(uris) as ToolTargets) ?? new Map();
    this.#methods = new Map(tools.map(([tool, given]) => [tool, given.filter(isMethod)]));
    this.calls = new MutatingCalls(new TaskCalls(), (tool) => this.#uris.has(tool));
  }

  join(listener: ChangeListener): void {
    if (this.#uris.size > 0) this.#listeners.add(listener);
  }

  leave(listener: ChangeListener): void {
    this.#listeners.delete(listener);
  }

  /** A call has succeeded, which its client does not know yet. */
  succeeded({ tool, args }: ToolCall): void {
    const methods = this.#methods.get(tool) ?? [];
    const isMeant: ((uri: string) => boolean)[] = [];
    for (const method of methods) this.#store.dropMethod(method);
    for (const mutation of mutationsOf(this.#uris.get(tool) ?? [], args)) {
      if (mutation.kind !== 'uris') continue;
      this.#store.dropUris(mutation.uris);
      isMeant.push(inAnySpelling(mutation.uris));
    }
    const groups = new Set(methods.map((method) => METHODS.get(method)));
    const change: Change = {
      isList: (group) => groups.has(group),
      isUri: (uri) => isMeant.some((means) => means(uri)),
    };
    for (const listener of this.#listeners) listener.changed(change);
  }
}

function isMethod(target: string): boolean {
  return METHODS.has(target);
}

function checkTargets(tool: string, targets: unknown): void {
  const isList = Array.isArray(targets) && targets.length > 0;
  if (isList && targets.every((target) => typeof target === 'string' && target !== '')) return;
  badOption(
    `mutates.${tool}`,
    targets,
    'an array of URIs, URI templates, prefixes with *, and methods of lists',
  );
}
