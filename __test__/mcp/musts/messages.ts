import { BOTH, held, left, NEW, OLD, SESSIONS, STATELESS, type Must } from './must.ts';

const REQUESTS = 'mcp/cache-server-requests.test.ts';
const AUTHOR = "the server's author and the SDK: it passes unchanged";

/** Requests, responses and notifications. */
export const MESSAGES: readonly Must[] = [
  left(BOTH, 'basic', 'support the base protocol and its life cycle', 'the sum of the rows below'),
  left(BOTH, 'basic, Messages', 'speak JSON-RPC 2.0', 'the sum of the rows below'),
  held(OLD, 'basic, Requests', 'a request has a string or an integer for its id', SESSIONS),
  held(OLD, 'basic, Requests', 'no request has null for its id', SESSIONS),
  left(
    NEW,
    'basic, Requests',
    'ids are strings or integers, and not null',
    'clients: servers send no requests',
  ),
  held(
    OLD,
    'basic, Requests',
    'an id is not used twice in a session',
    REQUESTS,
    'answers a duplicate id once, for the later request',
  ),
  left(
    NEW,
    'basic, Requests',
    'no two requests under way have one id',
    'clients: servers send no requests',
  ),
  held(OLD, 'basic, Result Responses', 'a result has the id of its request', SESSIONS),
  held(OLD, 'basic, Result Responses', 'a result response has a result', SESSIONS),
  held(NEW, 'basic, Result Responses', 'a result has the id of its request', STATELESS),
  held(NEW, 'basic, Result Responses', 'a result response has a result', STATELESS),
  held(NEW, 'basic, Result Responses', 'a result tells its type', STATELESS),
  held(NEW, 'basic, ResultType', 'types are those of the protocol', STATELESS),
  held(OLD, 'basic, Error Responses', 'an error has the id of its request', SESSIONS),
  held(OLD, 'basic, Error Responses', 'an error has a code and a message', SESSIONS),
  held(OLD, 'basic, Error Responses', 'codes are integers', SESSIONS),
  held(NEW, 'basic, Error Responses', 'an error has the id of its request', STATELESS),
  held(NEW, 'basic, Error Responses', 'an error has a code and a message', STATELESS),
  held(NEW, 'basic, Error Responses', 'codes are integers', STATELESS),
  held(NEW, 'basic, Error Codes', 'no new code from -32000 to -32019', STATELESS),
  held(NEW, 'basic, Error Codes', 'no undefined code from -32020 to -32099', STATELESS),
  held(NEW, 'basic, Error Codes', 'defined codes mean what they are defined for', STATELESS),
  held(NEW, 'basic, Error Codes', 'neither -32002 nor -32042 is sent', STATELESS),
  left(NEW, 'basic, Error Codes', 'nothing is read into legacy codes but -32002', AUTHOR),
  held(OLD, 'basic, Notifications', 'no notification is answered', SESSIONS),
  held(NEW, 'basic, Notifications', 'no notification is answered', STATELESS),
  held(OLD, 'basic, Notifications', 'a notification has no id', SESSIONS),
  held(NEW, 'basic, Notifications', 'a notification has no id', STATELESS),
];
