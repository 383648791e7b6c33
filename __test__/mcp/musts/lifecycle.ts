import { BOTH, held, left, NEW, OLD, suite, SESSIONS, STATELESS, type Must } from './must.ts';

const REQUESTS = 'mcp/cache-server-requests.test.ts';
const AUTHOR = "the server's author and the SDK: it passes unchanged";

/** State, schemas and metadata; lifecycle and versions. */
export const LIFECYCLE: readonly Must[] = [
  held(NEW, 'basic, Statelessness', 'nothing is taken from requests before', STATELESS),
  suite(
    NEW,
    'basic, Statelessness',
    'state is named by who asks',
    'input-required-result-request-state',
  ),
  left(
    BOTH,
    'basic, Schema Dialect',
    'JSON Schema 2020-12 is supported',
    'the SDK, which validates',
  ),
  left(
    BOTH,
    'basic, Implementation Requirements',
    'a schema without a dialect is one of 2020-12',
    'the SDK, which validates',
  ),
  left(
    BOTH,
    'basic, Implementation Requirements',
    'schemas are validated by their dialect',
    'the SDK, which validates',
  ),
  left(
    BOTH,
    'basic, Implementation Requirements',
    'a dialect that is not supported is refused with an error',
    'the SDK, which validates',
  ),
  left(BOTH, 'basic, Schema Validation', 'schemas are valid in their dialect', AUTHOR),
  left(
    NEW,
    'basic, $ref Resolution',
    'no $ref is fetched from the network',
    'the SDK: nothing here resolves schemas',
  ),
  left(
    NEW,
    'basic, $ref Resolution',
    'fetching is off by default',
    'the SDK: nothing here resolves schemas',
  ),
  held(
    BOTH,
    'basic, _meta',
    'nothing is assumed of reserved keys',
    REQUESTS,
    'answers to params, _meta and members that it does not know',
  ),
  left(BOTH, 'basic, _meta', 'a prefix is labels, dots and a slash', AUTHOR),
  left(BOTH, 'basic, _meta', 'labels begin with a letter and end with a letter or digit', AUTHOR),
  left(BOTH, 'basic, _meta', 'names begin and end with a letter or digit', AUTHOR),
  held(NEW, 'basic, _meta', 'a request without a required field is refused with -32602', STATELESS),
  held(NEW, 'basic, _meta', 'a required field that is missing is 400 over HTTP', STATELESS),
  held(NEW, 'basic, _meta', 'no capability is used that was not declared', STATELESS),
  held(NEW, 'basic, _meta', 'a capability that is needed is named with -32021', STATELESS),
  held(NEW, 'basic, _meta', 'a capability that is needed and missing is 400 over HTTP', STATELESS),
  held(NEW, 'basic, _meta', 'what is told to a subscription has its id', STATELESS),
  left(
    NEW,
    'basic, _meta',
    'trace context and baggage have the forms of W3C',
    'who sends them: they pass unchanged',
  ),
  left(
    BOTH,
    'basic, icons',
    'icons are handled safely',
    'clients, which get them as they were given',
  ),
  left(BOTH, 'basic, icons', 'types are rendered and schemes refused', 'clients'),
  held(
    OLD,
    'lifecycle, Initialization',
    'the initialization comes first',
    REQUESTS,
    'anything before the initialization is complete',
  ),
  held(
    OLD,
    'lifecycle, Initialization',
    'initialize is answered with capabilities and information',
    SESSIONS,
  ),
  held(
    OLD,
    'lifecycle, Version Negotiation',
    'a supported version is answered with itself',
    SESSIONS,
  ),
  held(
    OLD,
    'lifecycle, Version Negotiation',
    'another version is answered with a supported one',
    SESSIONS,
  ),
  held(
    OLD,
    'lifecycle, Operation',
    'the version that was agreed on is kept to',
    'mcp/serve-resources-generations.test.ts',
    'tells how fresh a read is where the revision has it, and nowhere else',
  ),
  left(OLD, 'lifecycle, Operation', 'only capabilities that were agreed on are used', AUTHOR),
  left(OLD, 'lifecycle', 'initialize, initialized and the version header', 'clients'),
  held(
    NEW,
    'versioning, Protocol Version Negotiation',
    'a version that is not spoken is refused with those that are',
    STATELESS,
  ),
  held(
    NEW,
    'versioning, Protocol Version Negotiation; server/discover',
    'server/discover is there',
    STATELESS,
  ),
  left(
    NEW,
    'versioning, Extension Negotiation',
    'names of extensions follow those of _meta',
    AUTHOR,
  ),
  left(
    NEW,
    'versioning, Extension Negotiation',
    'an extension that one side lacks is not used',
    AUTHOR,
  ),
];
