import { BOTH, held, left, type Must } from './must.ts';

const HOST = 'who mounts the server: granary takes tokens as the SDK has verified them';
const SERVED =
  'nobody here: granary serve and proxy authorize nobody, and listen on this machine alone unless told otherwise';

/** Authorization. */
export const AUTHORIZATION: readonly Must[] = [
  left(
    BOTH,
    'basic/authorization',
    'all of clients and authorization servers',
    'clients and authorization servers',
  ),
  left(
    BOTH,
    'basic/authorization, Protocol Requirements',
    'other transports follow the practices of their protocol',
    SERVED,
  ),
  left(
    BOTH,
    'basic/authorization, Authorization Server Location',
    'protected resource metadata is there',
    HOST,
  ),
  left(
    BOTH,
    'basic/authorization, Authorization Server Location',
    'it names an authorization server',
    HOST,
  ),
  left(
    BOTH,
    'basic/authorization, Discovery Requirements',
    'it is found by header or well-known URI',
    HOST,
  ),
  left(
    BOTH,
    'basic/authorization, Token Handling',
    'tokens are validated, as issued for this server',
    HOST,
  ),
  left(BOTH, 'basic/authorization, Token Handling', 'a wrong or expired one is 401', HOST),
  left(BOTH, 'basic/authorization, Token Handling', 'no other tokens are accepted', HOST),
  held(
    BOTH,
    'basic/authorization, Token Handling; Access Token Privilege Restriction',
    'tokens of clients do not pass through to an upstream',
    'proxy/proxy-url.test.ts',
    'sends tokens of clients on only where it is told to',
  ),
  left(BOTH, 'basic/authorization, Error Handling', 'refusals have the right status', HOST),
  left(BOTH, 'basic/authorization, Step-Up', 'broad scopes include narrow ones', HOST),
  left(
    BOTH,
    'basic/authorization, Security Considerations',
    'OAuth 2.1 and HTTPS are kept to',
    HOST,
  ),
  held(
    BOTH,
    'basic/authorization, Token Theft',
    'tokens are stored safely: in no clear text',
    'redis/manager-tier.test.ts',
    'keeps each principal and session to itself',
  ),
  left(
    BOTH,
    'basic/authorization, Confused Deputy',
    'a proxy with a client id of its own asks for consent',
    'nobody here: the proxy has no client id',
  ),
];
