import type { JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';

import { overrideMethod } from './method-override.ts';
import { generationOf, protocolOf } from './sdk-server.ts';
import type { SdkServer, VerifiedAuth } from './sdk-types.ts';

interface ChallengeContext {
  readonly request: JSONRPCRequest;
  readonly authInfo?: VerifiedAuth;
}

/** How version 2 asks what scopes a request lacks (`scopeChallenge` of a resource); `undefined` = none. */
type ChallengeResolver = (context: ChallengeContext) => unknown;

/** A transport of version 2 that challenges. */
interface ChallengingTransport {
  setScopeChallengeResolver(resolver: ChallengeResolver): void;
}

const NOTHING_LACKS: ChallengeResolver = () => undefined;

/**
 * Asks what version 2 of the SDK asks before it takes up a read over HTTP: whether the token has the
 * scopes that the resource wants.
 */
export class ScopeChallenges {
  /** `undefined` as long as nobody knows how to ask. */
  #resolve: ChallengeResolver | undefined;

  /** From here on as the server asks that was made last. */
  followServer(server: SdkServer): void {
    const { resolveScopeChallenge: resolve } = server as {
      readonly resolveScopeChallenge?: ChallengeResolver;
    };
    const protocol = protocolOf(server);
    // Below McpServer nothing is asked, nor in version 1.
    const isChallenging = generationOf(protocol) === 2 && server !== (protocol as SdkServer);
    this.#resolve = isChallenging ? resolve : NOTHING_LACKS;
  }

  /** From here on as the server asks that is connected to a transport. */
  followTransport(transport: object): void {
    this.#resolve = NOTHING_LACKS;
    if (!isChallenging(transport)) return;
    overrideMethod(transport, 'setScopeChallengeResolver', (set) => (resolver) => {
      this.#resolve = resolver;
      set(resolver);
    });
  }

  /** Whether the SDK would surely let a request pass; where it is to wait for that, it does so itself. */
  lets(request: JSONRPCRequest, authInfo: VerifiedAuth | undefined): boolean {
    if (request.method !== 'resources/read') return true;
    try {
      const challenge = this.#resolve?.({ request, ...(authInfo !== undefined && { authInfo }) });
      // Whoever is asked again rejects again, to whom it concerns.
      if (challenge instanceof Promise) challenge.catch(() => {});
      return this.#resolve !== undefined && challenge === undefined;
    } catch {
      return false;
    }
  }
}

function isChallenging(transport: object): transport is ChallengingTransport {
  const { setScopeChallengeResolver }: Partial<ChallengingTransport> = transport;
  return typeof setScopeChallengeResolver === 'function';
}
