import { BOTH, held, left, NEW, SPECIFICATION, STATELESS_HTTP, type Must } from './must.ts';

const SCOPES = 'mcp/cache-server-http.test.ts';
const HINTS = 'mcp/sdk-generations.test.ts';

/** Log levels, pages and caching. */
export const UTILITIES: readonly Must[] = [
  held(
    NEW,
    'server/utilities/logging, Per-request log level',
    'nothing is logged to who has set no level',
    STATELESS_HTTP,
  ),
  held(
    NEW,
    'server/utilities/logging, Per-request log level',
    'nothing is logged on another stream',
    STATELESS_HTTP,
  ),
  left(
    BOTH,
    'server/utilities/pagination',
    'cursors are opaque, pages of any size',
    'clients: the proxy passes cursors unchanged',
  ),
  held(
    NEW,
    'server/utilities/caching, Cacheable Results',
    'complete results have hints',
    SPECIFICATION,
    'tell ttlMs and cacheScope',
  ),
  held(
    NEW,
    'server/utilities/caching, Cache Key',
    'what differs in method or params is not answered by one',
    'proxy/answer-store.test.ts',
    'differ by revision, capabilities, page and arguments',
  ),
  held(
    NEW,
    'server/utilities/caching, Cache Key',
    'what had inputResponses or requestState is not kept',
    'mcp/cache-server-requests.test.ts',
    'answers to what had inputResponses or a requestState',
  ),
  held(
    NEW,
    'server/utilities/caching, TTL Field',
    'ttlMs is 0 or more',
    SPECIFICATION,
    'tell a ttlMs of 0 or more',
  ),
  left(
    NEW,
    'server/utilities/caching, Freshness',
    'who polls does so with jitter and back-off',
    'nobody here: nothing polls by ttlMs',
  ),
  held(
    NEW,
    'server/utilities/caching, Cache Scope',
    'what is private does not cross authorization contexts',
    SCOPES,
    'keeps an answer for each token, in any session, and never across',
  ),
  held(
    NEW,
    'server/utilities/caching, Pagination',
    'all pages have one scope',
    HINTS,
    'have one scope on all pages of a list',
  ),
  held(
    NEW,
    'server/utilities/caching, Pagination',
    'after a private page come private ones',
    HINTS,
    'are private after a private page',
  ),
  held(
    NEW,
    'server/utilities/caching, Security',
    'public may be shared by all, so it is said by the operator',
    SCOPES,
    'takes for public only what a template names',
  ),
  held(
    BOTH,
    'server/utilities/caching, Security; basic/authorization, Access Token Privilege Restriction',
    'nobody is answered who may not be',
    'mcp/cache-server-http.test.ts',
    'asks before every answer, and tells whoever may not',
  ),
  held(
    NEW,
    'server/utilities/caching, Security',
    'access is not controlled by the scope alone',
    'mcp/cache-server-http.test.ts',
    'refuses what is public and cached to whoever may not read it',
  ),
];
