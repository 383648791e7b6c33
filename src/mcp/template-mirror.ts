import type * as SdkMcp from '@modelcontextprotocol/sdk/server/mcp.js';

import type { ReadContext } from '../manager/read-context.ts';
import type { Registration } from '../registry/registration.ts';
import type { CompletionRequest } from './completion.ts';

/** By variable; without a prototype, since variables may be called `__proto__`. */
type Completers = Record<string, SdkMcp.CompleteResourceTemplateCallback>;

/**
 * Lets an `McpServer` complete the variables of our templates.
 *
 * `completion/complete` is one method for prompts and templates, and an `McpServer` takes it for
 * itself as soon as a prompt has something to complete. So templates are registered with it, for
 * their completers only: lists and reads are answered by us. The completers are not told who asks,
 * since the SDK does not tell.
 */
export class TemplateMirror {
  readonly #server: SdkMcp.McpServer;
  readonly #ResourceTemplate: typeof SdkMcp.ResourceTemplate;
  readonly #mirrored = new Map<string, SdkMcp.RegisteredResourceTemplate>();

  /** Must be made before the server connects: it registers the capability to complete. */
  constructor(server: SdkMcp.McpServer, sdk: Pick<typeof SdkMcp, 'ResourceTemplate'>) {
    this.#server = server;
    this.#ResourceTemplate = sdk.ResourceTemplate;
    // McpServer installs its handlers with the first template that completes something, and may no
    // longer do so once it is connected.
    this.#quietly(() => this.#register('granary:{x}', { x: () => [] }).remove());
  }

  /** @param complete answers for the template's variables */
  add(
    { pattern, template }: Registration<ReadContext>,
    complete: (request: CompletionRequest) => Promise<readonly string[]>,
  ): void {
    const completers: Completers = Object.create(null);
    for (const variable of template.variables) {
      completers[variable] = async (value, context) => [
        ...(await complete({ variable, value, params: context?.arguments ?? {} })),
      ];
    }
    this.#quietly(() => this.#mirrored.set(pattern, this.#register(pattern, completers)));
  }

  remove(pattern: string): void {
    this.#quietly(() => this.#mirrored.get(pattern)?.remove());
    this.#mirrored.delete(pattern);
  }

  clear(): void {
    for (const pattern of [...this.#mirrored.keys()]) this.remove(pattern);
  }

  #register(pattern: string, complete: Completers): SdkMcp.RegisteredResourceTemplate {
    return this.#server.registerResource(
      `granary ${pattern}`,
      new this.#ResourceTemplate(pattern, { list: undefined, complete }),
      {},
      () => ({ contents: [] }),
    );
  }

  /** McpServer would announce every template by itself, and drop the promise of the sending. */
  #quietly(change: () => unknown): void {
    const own = Object.getOwnPropertyDescriptor(this.#server, 'sendResourceListChanged');
    Object.defineProperty(this.#server, 'sendResourceListChanged', {
      value: () => {},
      configurable: true,
    });
    try {
      change();
    } finally {
      Reflect.deleteProperty(this.#server, 'sendResourceListChanged');
      if (own !== undefined) Object.defineProperty(this.#server, 'sendResourceListChanged', own);
    }
  }
}
