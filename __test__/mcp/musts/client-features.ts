import { BOTH, left, type Must, NEW, OLD, suite } from './must.ts';

const AUTHOR = "the server's author: it passes unchanged";

/** What servers ask of clients. */
export const CLIENT_FEATURES: readonly Must[] = [
  left(BOTH, 'client/roots', 'all', 'clients'),
  left(BOTH, 'client/elicitation', 'what clients do with a request', 'clients'),
  left(
    BOTH,
    'client/elicitation, User Interaction Model',
    'secrets are asked for by URL, never by form',
    AUTHOR,
  ),
  left(
    OLD,
    'client/elicitation, Capabilities',
    'only modes that the client supports are sent',
    'the author: a bare server of either SDK sends what a handler sends by itself to any client',
  ),
  suite(
    NEW,
    'client/elicitation, Capabilities',
    'only modes that the client supports are sent',
    'input-required-result-capability-check',
  ),
  left(
    BOTH,
    'client/elicitation, Elicitation Requests',
    'requests have mode, message, schema or URL',
    AUTHOR,
  ),
  left(BOTH, 'client/elicitation, URL Mode', 'the URL is valid', AUTHOR),
  left(
    OLD,
    'client/elicitation, Completion Notifications',
    'only who was asked is told, by the id',
    AUTHOR,
  ),
  left(
    OLD,
    'client/elicitation, URL Elicitation Required Error',
    '-32042 is sent for URL mode alone, with its list and ids',
    AUTHOR,
  ),
  left(
    BOTH,
    'client/elicitation, Statefulness',
    'state belongs to a verified user and is protected',
    AUTHOR,
  ),
  left(
    BOTH,
    'client/elicitation, URL Mode for OAuth',
    'no authorization of its own, no credentials passed, the user authorizes',
    AUTHOR,
  ),
  left(OLD, 'client/elicitation, Error Handling', 'failures are JSON-RPC errors', AUTHOR),
  left(NEW, 'client/elicitation, Error Handling', 'a user who declines is handled', AUTHOR),
  left(
    BOTH,
    'client/elicitation, Security Considerations',
    'a request is bound to client and user, URLs are safe, phishing is prevented',
    AUTHOR,
  ),
  left(
    BOTH,
    'client/sampling, Tools in Sampling',
    'no tools for a client without sampling.tools',
    AUTHOR,
  ),
  left(BOTH, 'client/sampling', 'tool results stand alone, and match each tool use', AUTHOR),
  left(
    BOTH,
    'client/sampling, Security Considerations',
    'sensitive data is handled with care',
    AUTHOR,
  ),
];
