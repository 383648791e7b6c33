import type { Logger } from '../logger.ts';
import { checkFunction, checkInteger, checkOptions } from '../options.ts';
import type { RequestContext } from './request-context.ts';
import type { CompletionValues, PromptCompletionParams } from './sdk-types.ts';
import { type Mutations, readMutations, type ToolMutations } from './tool-mutations.ts';

/** Options of `serveResources`. */
export interface ServeResourcesOptions {
  /** Entries on a page of a list; default 100. */
  readonly pageSize?: number | undefined;
  /** Subscriptions that one connection may have; default 1,000. */
  readonly maxSubscriptions?: number | undefined;
  /**
   * Names the principal of a request, in place of the hash of its access token, so that several
   * tokens of one user share what is cached. Only what was verified may go into it. To be returned at
   * once, not by a Promise. Where requests are authorized by something else than a token, it alone
   * tells their users apart: without it nothing of what they read is kept but what is public.
   */
  readonly partition?: ((context: RequestContext) => string | undefined) | undefined;
  /**
   * Whether a request may read or subscribe to a URI; asked before every answer, cached or not.
   * Whoever may not is told that there is no such resource. Lists show everything: what a
   * template's `list` should hide, it must leave out.
   */
  readonly authorize?:
    | ((context: RequestContext, uri: string) => boolean | Promise<boolean>)
    | undefined;
  /** Completes arguments of prompts on a low-level `Server`; an `McpServer` does so itself. */
  readonly completePrompt?:
    | ((
        request: PromptCompletionParams,
        context: RequestContext,
      ) => CompletionValues | Promise<CompletionValues>)
    | undefined;
  /**
   * Tools that change resources, by name, with what each changes: `{ write_file: ['file://{+path}'] }`. A
   * call that succeeds, or the task that it goes on as, drops that before its client hears so, and tells
   * those who have subscribed. One that fails, or is cancelled, drops nothing.
   */
  readonly mutates?: Mutations | undefined;
  /** Gets what clients are not told: why a read failed. */
  readonly logger?: Logger | undefined;
}

/** Options after the checks. */
export interface ServeSettings extends Omit<ServeResourcesOptions, 'mutates'> {
  readonly mutations: ToolMutations | undefined;
  readonly pageSize: number;
  readonly maxSubscriptions: number;
}

/** @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and the allowed range. */
export function readServeOptions(options: ServeResourcesOptions | undefined): ServeSettings {
  const { mutates, ...given } = checkOptions('options', options);
  const { pageSize = 100, maxSubscriptions = 1_000 } = given;
  for (const option of ['partition', 'authorize', 'completePrompt'] as const) {
    if (given[option] !== undefined) checkFunction(option, given[option]);
  }
  return {
    ...given,
    mutations: readMutations(mutates),
    pageSize: checkInteger('pageSize', pageSize, 1, 10_000),
    maxSubscriptions: checkInteger('maxSubscriptions', maxSubscriptions, 0, 1_000_000),
  };
}
