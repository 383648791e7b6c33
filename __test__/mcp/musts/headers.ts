import { held, left, NEW, suite, STATELESS_HTTP, type Must } from './must.ts';

const HEADERS = "the server's author, who writes x-mcp-header, and clients, who refuse wrong ones";

/** Headers of Streamable HTTP since 2026-07-28. */
export const HEADER_MUSTS: readonly Must[] = [
  held(
    NEW,
    'transports/streamable-http, Protocol Version Header',
    'a header that is not the version of the body is 400 and HeaderMismatch',
    'mcp/specification.test.ts',
    'refuse headers that disagree with the body',
  ),
  held(
    NEW,
    'transports/streamable-http, Protocol Version Header',
    'an unsupported version is 400 with those that are',
    STATELESS_HTTP,
  ),
  held(
    NEW,
    'transports/streamable-http, Protocol Version Header',
    'an unknown method is 404 and -32601',
    STATELESS_HTTP,
  ),
  left(
    NEW,
    'transports/streamable-http, Protocol Version Header',
    'no header is refused by who has no older clients',
    'nobody here: older clients are served',
  ),
  held(
    NEW,
    'transports/streamable-http, Standard Request Headers',
    'method and name are required',
    STATELESS_HTTP,
  ),
  left(
    NEW,
    'transports/streamable-http, Schema Extension',
    'an x-mcp-header is not empty',
    HEADERS,
  ),
  left(NEW, 'transports/streamable-http, Schema Extension', 'it is a token', HEADERS),
  left(
    NEW,
    'transports/streamable-http, Schema Extension',
    'it has no control characters',
    HEADERS,
  ),
  left(NEW, 'transports/streamable-http, Schema Extension', 'it is unique in any case', HEADERS),
  left(NEW, 'transports/streamable-http, Schema Extension', 'it is on primitive types', HEADERS),
  left(
    NEW,
    'transports/streamable-http, Schema Extension',
    'integers are within the safe range',
    HEADERS,
  ),
  left(
    NEW,
    'transports/streamable-http, Schema Extension',
    'it is reached by properties alone',
    HEADERS,
  ),
  held(
    NEW,
    'transports/streamable-http, Value Encoding; Server Validation',
    'encoded names are decoded before they are compared',
    STATELESS_HTTP,
  ),
  suite(
    NEW,
    'transports/streamable-http, Value Encoding',
    'encoded parameters are decoded before they are compared',
    'http-custom-header-server-validation',
  ),
  suite(
    NEW,
    'transports/streamable-http, Custom Headers',
    'invalid characters in a known header are refused',
    'http-custom-header-server-validation',
  ),
  suite(
    NEW,
    'transports/streamable-http, Custom Headers',
    'headers of parameters agree with the body',
    'http-custom-header-server-validation',
  ),
  suite(
    NEW,
    'transports/streamable-http, Custom Headers',
    'else they are refused with 400 and -32020',
    'http-custom-header-server-validation',
  ),
  suite(
    NEW,
    'transports/streamable-http, Custom Headers',
    'no header is expected for null or nothing',
    'http-custom-header-server-validation',
  ),
  left(
    NEW,
    'transports/streamable-http, Custom Headers',
    'an intermediary sends unknown headers on',
    'nobody here: the proxy ends HTTP and begins anew',
  ),
  held(
    NEW,
    'transports/streamable-http, Case Sensitivity',
    'header names are the same in any case',
    STATELESS_HTTP,
  ),
  held(
    NEW,
    'transports/streamable-http, Server Validation',
    'headers that disagree are refused',
    STATELESS_HTTP,
  ),
  held(
    NEW,
    'transports/streamable-http, Server Validation',
    'headers that disagree are 400',
    STATELESS_HTTP,
  ),
  held(
    NEW,
    'transports/streamable-http, Server Validation',
    'headers that disagree are HeaderMismatch',
    STATELESS_HTTP,
  ),
  held(
    NEW,
    'transports/streamable-http, Server Validation',
    'an intermediary refuses with an error status',
    STATELESS_HTTP,
  ),
];
