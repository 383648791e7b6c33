/**
 * Every statement that the product must keep, each with an id. Titles of tests cite ids in square
 * brackets; the gate (support/requirements-reporter.ts) fails a whole run in which an id of that
 * suite stands in no test that passed, or a title cites an id that is not listed here.
 *
 * Sources: the first seed document (resource management patterns, without its multi-level part),
 * the departures from it that the design lists, the musts of the milestones, and the hazard rules.
 */

export type RequirementSource =
  | 'seed'
  | 'departure'
  | 'milestone-1'
  | 'milestone-4'
  | 'milestone-5'
  | 'milestone-6'
  | 'milestone-7'
  | 'milestone-8'
  | 'milestone-9'
  | 'hazard';
export type RequirementSuite = 'test' | 'deep';

export interface Requirement {
  readonly id: string;
  readonly text: string;
  readonly source: RequirementSource;
  readonly suite: RequirementSuite;
}

function list(
  source: RequirementSource,
  suite: RequirementSuite,
  texts: Readonly<Record<string, string>>,
): Requirement[] {
  return Object.entries(texts).map(([id, text]) => ({ id, text, source, suite }));
}

const seedCache = list('seed', 'test', {
  'CACHE-DEFAULT-TTL': 'Without options an entry lives for 15 minutes.',
  'CACHE-DEFAULT-ENTRIES': 'Without options a cache holds at most 100 entries.',
  'CACHE-DEFAULT-BYTES': 'Without options a cache holds at most 100 MiB.',
  'CACHE-METADATA': 'An entry tells its creation, its last access, its access count and its size.',
  'CACHE-TOUCH': 'An access sets the last access to now and adds one to the access count.',
  'CACHE-GET': 'A cached URI yields its value and calls no loader.',
  'CACHE-LAZY-LOAD': 'A miss with a loader calls it with the URI, keeps the result and returns it.',
  'CACHE-LOADER-SYNC-ASYNC': 'A loader may return its value or a promise of it.',
  'CACHE-NO-LOADER': 'A miss without a loader is an error that names the URI.',
  'CACHE-EXPIRED-MISS': 'An expired entry is removed when asked for, and loaded anew.',
  'CACHE-TTL': 'An entry is expired once now − createdAt > ttl, and not before.',
  'CACHE-TTL-FIXED': 'An access does not extend the life of an entry; a set starts it anew.',
  'CACHE-EVICT-ENTRIES': 'A full cache evicts before it stores, so the count bound holds.',
  'CACHE-EVICT-BYTES': 'A cache at its byte bound evicts before it stores, as many as it takes.',
  'CACHE-LRU': 'policy lru evicts the least recently used entry first.',
  'CACHE-EMPTY-EVICT': 'Making room in an empty cache ends.',
  'CACHE-TOTAL-SIZE': 'The total size is the sum of the sizes of the entries.',
  'CACHE-SIZE-ESTIMATE': 'The size of a value is estimated where none is given.',
  'CACHE-INVALIDATE': 'invalidate removes one URI and tells whether it was there.',
  'CACHE-INVALIDATE-PATTERN':
    'invalidatePattern removes what a pattern matches from the start of the URI and returns the count.',
  'CACHE-CLEANUP': 'cleanupExpired removes every expired entry, no other, and returns the count.',
  'CACHE-STATS': 'stats tells size, maxSize, memoryBytes, maxMemoryBytes and ttlSeconds.',
  'CACHE-CONCURRENT': 'Concurrent gets of one cold URI load it once.',
  'CACHE-CONFIG': 'TTL, maximum of entries and maximum of memory can be set for each cache.',
});

const seedRegistry = list('seed', 'test', {
  'REG-REGISTER': 'A pattern is registered with its loader and, optionally, a TTL of its own.',
  'REG-PARAM': '{name} matches one or more characters other than a slash and extracts them.',
  'REG-FULL-MATCH': 'A pattern matches a whole URI, not a part of it.',
  'REG-RESOLVE': 'resolve yields the loader, the params and the TTL of the pattern that matches.',
  'REG-NO-MATCH': 'A URI that no pattern matches is an error that names the URI.',
  'REG-LOADER-PARAMS': 'The loader of a pattern is called with the URI and the params.',
  'REG-PATTERN-TTL':
    'The TTL of a pattern holds for what its loader loads; without one the cache’s.',
});

const seedEvents = list('seed', 'test', {
  'EVENT-KINDS': 'The events are loaded, accessed, invalidated, expired and evicted.',
  'EVENT-DATA': 'An event carries its URI, its kind and, where it has them, value and metadata.',
  'EVENT-ON': 'Every listener of an event is called, in the order of registration, and no other.',
  'EVENT-LOADED': 'loaded fires when the value of a loader was stored.',
  'EVENT-ACCESSED': 'accessed fires on every get that succeeds, the loading one included.',
  'EVENT-INVALIDATED': 'invalidated fires when an entry was removed, and not when none was there.',
  'EVENT-EXPIRED': 'expired fires once for every entry that expired.',
  'EVENT-EVICTED': 'evicted fires once for every entry that was evicted, with its cause.',
  'MANAGER-OBSERVABLE': 'The manager tells its accesses and invalidations to listeners.',
});

const departures = list('departure', 'test', {
  'DEPART-ADAPTIVE': 'The default policy is adaptive; the seed’s exact LRU is policy lru.',
  'DEPART-TOO-LARGE': 'An entry too large for the cache is not kept and evicts nothing else.',
  'DEPART-TTL-ZERO': 'TTL 0 means never.',
  'DEPART-MOST-LITERAL': 'The most literal template wins, not the first registered.',
  'DEPART-DUPLICATES': 'The same pattern twice is refused.',
  'DEPART-DECODED': 'Params are percent-decoded.',
  'DEPART-SINGLE-FLIGHT': 'One load per URI, not a lock: a slow load delays no other URI.',
  'DEPART-NO-PRINCIPAL':
    'A read of a non-public pattern without principal or session is not cached.',
  'DEPART-STRING-PATTERN': 'A string given to invalidatePattern is not a regular expression.',
});

const project = list('milestone-1', 'test', {
  'PROJECT-PACKAGE': 'package.json: mcp-granary, ESM, exports with types, Node >= 20.17, MIT.',
  'PROJECT-STRICT': 'TypeScript is checked under strict and its stricter companions.',
  'PROJECT-LAYERS': 'Imports point downwards only, and only src/mcp knows the MCP SDK.',
  'PROJECT-CORE-PURE': 'crates/core depends on no N-API.',
  'PROJECT-CORE-TESTS': 'cargo test proves the core by itself.',
  'PROJECT-LOCK': 'The lock file holds no registry addresses.',
  'SETUP-STALE-ONLY': 'Set-up runs only the steps whose inputs changed.',
  'SETUP-PROGRESS':
    'Set-up says what it does and how long it took; with nothing to do it is silent.',
  'SETUP-CONCURRENT': 'Set-ups that run at the same time do not disturb each other.',
  'SETUP-EXIT-CODE': 'The command after set-up gets its arguments, and its exit code is passed on.',
  'SETUP-NODE': 'A Node that is too old is named, with the version needed and how to get it.',
  'SETUP-RUST': 'A missing or too old Rust is named, with the version needed and how to get it.',
  'SETUP-LINKER': 'A missing C linker is named, with how to get it.',
  'SETUP-EVERY-SCRIPT': 'Every npm script goes through the set-up script.',
  'CI-RUN': '.ci/run runs check, test and test:deep.',
  'GATE-MISSING': 'A whole run fails on an id that no passed test cites.',
  'GATE-UNKNOWN': 'A whole run fails on a title that cites an unknown id.',
  'GATE-MANIFEST': 'Ids are unique and have one form.',
  'EXAMPLES-RUN': 'Every example runs and does what it says.',
  'README-SNIPPETS': 'The README has an example each of cache, manager and server, and each runs.',
  'PACK-IMPORT': 'The packed tarball, installed in an empty folder, can be imported.',
  'PACK-REQUIRE': 'The packed tarball, installed in an empty folder, can be required.',
  'PACK-TYPES': 'The types of the tarball compile under skipLibCheck false.',
  'PACK-OPTIONAL-PEER': 'No entry needs its peer installed to be imported.',
  'PACK-BIN': 'The tarball installs the granary command.',
  'PACK-CONTENTS': 'The tarball holds the addon and dist, and no tests.',
});

const cache = list('milestone-1', 'test', {
  'BOUND-BOTH': 'Count and bytes bound the cache together, after every operation.',
  'TTL-PER-ENTRY': 'An entry may have a TTL of its own, by set or by its loader.',
  'TTL-IDLE': 'With an idle TTL an entry expires that long after its last access.',
  'POLICY-LRU': 'policy lru agrees with lru-cache step by step over random operations.',
  'POLICY-GHOSTS':
    'Keys that left are remembered, without values, as many as there are entries at the most; nobody sees them.',
  'POLICY-TINYLFU': 'policy tinylfu keeps frequent entries through a scan, with a window in front.',
  'POLICY-ADAPTIVE': 'policy adaptive holds the same bounds and contracts as the others.',
  'LARGE-THRESHOLD':
    'maxEntryBytes is public, at least maxBytes / 2, and the threshold of too-large.',
  'LARGE-NOT-KEPT':
    'An entry above maxEntryBytes is not kept; an older value under its URI goes too.',
  'LARGE-EVENT': 'evicted fires with cause too-large, and nothing else is evicted.',
  'HIT-NO-CROSSING': 'A hit makes no N-API call.',
  'HIT-NO-LISTENER-COST': 'Without a listener a hit builds no event.',
  'EXPIRY-NONE-RETURNED':
    'No expired value is returned, with a lag of one tick of the clock at most.',
  'EXPIRY-PROMPT': 'expired fires within 50 ms of the deadline without any access.',
  'EXPIRY-INJECTED': 'Under an injected clock expired fires exactly at sync().',
  'IDLE-CPU': 'An idle process with an open cache uses less than 0.5 % of a CPU.',
  'IDLE-EXIT': 'An open cache does not keep the process alive.',
  'WEIGH-EXACT': 'Strings, buffers and MCP read results are weighed exactly.',
  'WEIGH-JSON': 'The estimate of plain JSON data is within 30 % of the growth of V8’s heap.',
  'WEIGH-SHARED': 'A reference that occurs twice in a value is counted once; cycles end.',
  'WEIGH-BOUNDED': 'Weighing a huge object is bounded in time.',
  'WEIGH-GIVEN': 'A weight given by weightBytes or weigh is used as it is.',
  'LOAD-SINGLE-FLIGHT': 'One flight per URI, however many callers.',
  'LOAD-FAILURE': 'A failure reaches every waiter with its cause, and caches nothing.',
  'LOAD-ABORT-ALONE': 'A caller that aborts leaves alone; the others get their value.',
  'LOAD-ABORT-LAST': 'The flight is aborted when its last caller has left.',
  'LOAD-NOT-OVERWRITTEN': 'A value set or invalidated during a load is not overwritten by it.',
  'LOAD-CONTEXT': 'A loader gets signal and the stale value, and may set TTL and tags.',
  'LOAD-MANY': 'loadMany makes one bulk call for what is missing, and joins flights under way.',
  'VALUE-FALSY': 'null, 0, the empty string and false are values; undefined is refused.',
  'ACCESS-COUNT':
    'Hits of get, load and read add one each; set and load start at 0; peek and has add none.',
  'MANY-GET-SET': 'getMany and setMany do what get and set do for each.',
  'INVALIDATE-REGEXP': 'A RegExp matches at index 0; lastIndex and the g flag do not matter.',
  'INVALIDATE-TEMPLATE': 'A string with a brace invalidates as a template.',
  'INVALIDATE-PREFIX': 'A string with a trailing star invalidates as a prefix, any other exactly.',
  'INVALIDATE-TAG': 'invalidateTag removes what carries the tag and returns the count.',
  'CACHE-CLEAR': 'clear empties the cache, with one invalidated event an entry.',
  'CACHE-INFO':
    'info describes an entry without recording an access; unknown URIs yield undefined.',
  'STATS-COUNTERS':
    'stats counts hits, misses, loads, failures, evictions, expirations, invalidations.',
  'CACHE-RESIZE': 'resize applies new bounds to what is held at once.',
  'CACHE-ITERATION': 'Iteration yields nothing expired, and holds while entries change.',
  'CACHE-CLOSE': 'close is idempotent; use after it throws ERR_GRANARY_CLOSED.',
  'EVENT-ORDER':
    'State changes first; listeners run before the public call returns; set fires none.',
  'EVENT-REENTRANT': 'A listener may call back into the cache.',
  'EVENT-THROWS': 'A listener that throws stops nothing and is reported once as a warning.',
  'EVENT-OFF-ONCE': 'off removes a listener; once calls it once.',
  'INPUT-OPTIONS':
    'Every option with every bad value: a GranaryError names option, value and range.',
  'INPUT-METHODS': 'Every method with every bad argument: the same, and nothing cached is lost.',
  'INPUT-PROTO': '__proto__ and constructor work as URI, tag and parameter name.',
  'INPUT-HUGE-URI': 'Empty and 1 MB URIs work or are refused by name.',
  'PANIC-CAUGHT': 'An injected panic throws ERR_GRANARY_INTERNAL; process and store go on.',
  'ERROR-BRAND': 'instanceof GranaryError holds across two copies of the package.',
});

const registry = list('milestone-1', 'test', {
  'REG-SEGMENT': '{x} matches one path segment.',
  'REG-RESERVED': '{+x} matches any characters.',
  'REG-QUERY': '{?x,y} matches query parameters in any order.',
  'REG-SEGMENTS': '{x*} matches several segments.',
  'REG-BAD-TEMPLATE': 'Anything else is ERR_GRANARY_BAD_TEMPLATE with the position.',
  'REG-TIE': 'Of two equally literal patterns the earlier wins.',
  'REG-UNREGISTER-LIST': 'unregister removes a pattern; list tells what is registered.',
  'REG-LINEAR': 'Matching takes time linear in the URI, for hostile URIs of 1 MB too.',
  'REG-SCALE': 'With 10,000 patterns resolve takes at most 5 times as long as with 10.',
  'MANAGER-READ':
    'read resolves, loads, caches and counts; unmatched URIs are ERR_GRANARY_NO_MATCH.',
  'MANAGER-DEFAULTS': 'The manager has the defaults of the seed: 15 min, 100 entries, 100 MiB.',
  'MANAGER-TTL-TAGS': 'TTL and tags of a pattern hold for what is read through it.',
  'MANAGER-RESULTS': 'A string is text, bytes are a blob, contents go out as they are, else JSON.',
  'MANAGER-PRINCIPALS':
    'Cache and single flight are keyed by principal, session or public, and URI.',
  'MANAGER-INVALIDATE': 'invalidate drops every partition of a URI.',
  'MANAGER-READ-MANY': 'readMany reads each of its URIs as read does.',
});

const mcp = list('milestone-1', 'test', {
  'MCP-LIST': 'Resources and templates are listed with their names and MIME types.',
  'MCP-CURSOR': 'Cursors are stable while entries change; an invalid one is -32602.',
  'MCP-READ': 'resources/read answers from the cache, text and blob alike.',
  'MCP-COMPLETE': 'Template variables are completed.',
  'MCP-SUBSCRIBE': 'subscribe and unsubscribe hold per session.',
  'MCP-UPDATED': 'An invalidation notifies exactly the subscribers.',
  'MCP-CONTENT-CHANGE':
    'Expired subscribed URIs are reloaded with jitter; changed content notifies.',
  'MCP-LIST-CHANGED': 'register and unregister send list_changed.',
  'MCP-ERRORS': 'Not found and failures map to the right JSON-RPC errors.',
  'MCP-PEER': 'The SDK is an optional peer: its absence is named only when it is needed.',
  'SERVE-STDIO': 'granary serve serves the files of a folder over stdio.',
  'SERVE-HTTP': '--http serves Streamable HTTP on 127.0.0.1, with /healthz.',
  'SERVE-HTTP-ORIGIN': 'A foreign Origin or Host is refused.',
  'SERVE-MIME': 'Files have MIME types; binary ones are blobs.',
  'SERVE-WATCH': 'A changed file is noticed, notified and read anew.',
  'SERVE-CONFINED': 'Links that lead out are neither listed nor served.',
  'SERVE-ESCAPES': 'Prefix, encoded and NUL escapes are refused with the not-found error.',
  'SERVE-MAX-FILE': 'A file over --max-file is refused with a clear error.',
  'SERVE-STDERR': 'Logs go to stderr; stdout carries nothing but JSON-RPC.',
  'SERVE-END': 'End of input, SIGTERM and SIGINT end it with code 0.',
  'SERVE-MALFORMED': 'Malformed lines do not stop it.',
  'SERVE-USAGE': 'Bad arguments of the command are named, with code 2 and usage on stderr.',
});

const cacheServer = list('milestone-4', 'test', {
  'CACHE-SERVER-METHODS':
    'cacheServer caches resources/read and the lists of resources, templates, tools and prompts, each page by itself.',
  'CACHE-SERVER-ONE-LINE':
    'It works before and after handlers are registered, replaced and connected, without private fields.',
  'CACHE-SERVER-SINGLE-FLIGHT':
    'One handler call however many ask, each answered under its own id.',
  'CACHE-SERVER-SCOPE':
    'Answers are kept by verified token, else session, else connection; another token is another partition.',
  'CACHE-SERVER-PUBLIC': 'What public templates match is one copy for all, and nothing else is.',
  'CACHE-SERVER-SHARED-TRANSPORT':
    'No answer crosses between clients that share a transport by mistake.',
  'CACHE-SERVER-AUTHORIZE':
    'authorize runs before every answer to a read; refused is answered as not found.',
  'CACHE-SERVER-ERRORS':
    'Errors, results that are not complete and results that are too large are not kept.',
  'CACHE-SERVER-UNKNOWN':
    'Requests with unknown params or _meta, or before initialization, are not answered from the cache.',
  'CACHE-SERVER-INVALIDATE':
    'An updated or list_changed that the server sends drops what it names.',
  'CACHE-SERVER-RACE':
    'A notification that is sent while a read is under way wins: that value is not kept.',
  'CACHE-SERVER-SHARED-CACHE':
    'One cache serves many servers; a notification of one holds for all; managers keep apart.',
  'CACHE-SERVER-IDS': 'Odd and duplicate ids, cancellation and progress are served right.',
  'CACHE-SERVER-SHARED-ANSWER':
    'Each gets a copy; what a handler answers to one alone, or made by asking its client, no other gets.',
  'CACHE-SERVER-FAILURES':
    'Where the cache or the hand-over fails, each request is answered all the same, and the failure told.',
  'CACHE-SERVER-CLOSE': 'Closing a connection or the caching leaves nothing behind.',
  'CACHE-SERVER-COPIES': 'Whoever changes an answer that it was given changes no other.',
  'CACHE-SERVER-MANAGED':
    'What a manager has dropped, or its time to live has ended, is answered with no more by a cached server, with nobody subscribed too.',
  'CACHE-SERVER-OPTIONS': 'Bad input is refused by name when the server is cached.',
});

const readyBytes = list('milestone-9', 'test', {
  'BYTES-EQUAL':
    'Over stdio, what is answered below the SDK equals, field for field, what the SDK sends; all else behaves as the SDK does.',
  'BYTES-EQUAL-HTTP': 'The same over Streamable HTTP, JSON and SSE, with status and headers.',
  'BYTES-HIT':
    'A hit is written from bytes that were serialised once: neither the SDK nor a handler takes part.',
  'BYTES-RULES':
    'Bytes are found under the rules of cacheServer: partition, initialization, authorize, what was dropped.',
  'BYTES-ORDER':
    'A request whose id is under way, is cancelled or wants progress goes the ordinary way, in its order.',
  'BYTES-ACCOUNT': 'A hit counts, and is told of, as one of the ordinary way.',
  'BYTES-LIMIT': 'A message limit bounds what a client can make the transport hold.',
  'BYTES-PRESSURE':
    'A client that does not read its answers is not read from: memory stays bounded.',
  'BYTES-STATELESS':
    'Without sessions, a hit is answered before a server is made; the same in place of createMcpHandler, on every revision.',
  'BYTES-OPTIONS': 'Bad options of the transports are refused by name.',
});

const sdkGenerations = list('milestone-9', 'test', {
  'SDK-GENERATIONS':
    'cacheServer, serveResources and governTools work on servers of both SDKs, over stdio and Streamable HTTP, with sessions and a server for each request, on revisions with initialize and without.',
  'SDK-PEERS':
    'With either SDK or none installed all imports work; what is missing is named by its package.',
  'SDK-TYPES': 'Public types name neither SDK, so that programs with one of them compile.',
  'HINTS-REMAINING':
    'On 2026-07-28 each cacheable result carries ttlMs, a whole number of ms of the freshness that remains, and cacheScope, private unless declared public.',
  'HINTS-OLDER': 'On older revisions no result carries a field of 2026-07-28.',
  'HINTS-BOUND': 'A hint that the wrapped server sends bounds how long its result is kept.',
  'HINTS-NEVER': 'Errors and results of requests with inputResponses or requestState are not kept.',
  'TOOLS-NAMED':
    'Calls are cached of tools that are named, if they say to be read-only and idempotent or it is forced, and never with isError.',
  'SCOPE-CONTEXTS':
    'No answer crosses between users, roles, tokens, sessions or connections, and no token is kept.',
  'SCOPE-RACE':
    'A resources/updated or an invalidation during a read wins over it: it is neither kept nor told to be fresh.',
  'EVENTS-BOTH-ERAS':
    'Invalidations by URI, tag, pattern and template, and other content after the time to live, are told to subscribers of both eras.',
  'CACHE-REMAINING':
    'What remains of an entry is the time to its deadline, by TTL and by idle TTL.',
  'MANAGER-WATCH-ALL':
    'watchAll tells of every URI that was dropped or has changed, and loads nothing for it.',
  'MANAGER-FRESHNESS':
    'freshness is what remains of what a reader was given, and of nothing that took its place.',
  'EVENTS-LINK':
    'linkEvents carries changes of a manager to a bus, and those of a bus to manager and answers, without echo.',
});

const hazards = list('hazard', 'test', {
  'HAZARD-1': 'A worker that alone loads the addon may end: the library stays pinned (100 times).',
  'HAZARD-2': 'A nonce proves that mapped memory is shared, else ERR_GRANARY_UNSUPPORTED_RUNTIME.',
  'HAZARD-4':
    'Ring heads, tails and sleep flags are atomic; the sleeper looks again before it parks.',
  'HAZARD-4-HOIST': 'No typed-array load of the clock is hoisted out of a loop.',
  'HAZARD-5': 'Expiry is right with clocks that start at 2^30, 2^31 and 2^32 ms.',
  'HAZARD-5-NEVER': 'Never is a state, not a large number; TTLs beyond the word are re-armed.',
  'HAZARD-5-SLEEP': 'A set while the clock sleeps forms a deadline from a real reading.',
  'HAZARD-6': 'accessCount counts every hit, also within one tick and while the clock sleeps.',
  'HAZARD-7-HEAP': 'Keys that come once, however many, do not spoil the hits of others.',
  'HAZARD-7': 'Keys of one hash live side by side and are each evicted; the hash is seeded.',
  'HAZARD-8': 'A notice for a former holder of a slot does not touch the present one.',
  'HAZARD-9': 'A shifting working set keeps its hits with either bound binding.',
  'HAZARD-10': 'The window is bounded in bytes; entries larger than it pass it by.',
  'HAZARD-10-GROWTH': 'Growth by overwrite never leaves the cache above its bounds.',
  'HAZARD-11': 'An overwrite above the maximum evicts nothing else.',
  'HAZARD-11-SKETCH':
    'The policy is rebuilt when entries pass twice the sketch, and loses nothing.',
  'HAZARD-11-SYNC': 'sync() loops until nothing is pending.',
  'HAZARD-13':
    'lru, and any cache below 64 entries, is exact without moka (a, b, a within a tick).',
  'HAZARD-15': 'A load that begins after an invalidate has returned joins no older flight.',
  'HAZARD-15-DETACH': 'Set, invalidate, tag, pattern and clear detach the flights that they match.',
  'HAZARD-15-TAGS': 'Tags set while loading are checked against tag versions of the start.',
  'HAZARD-17': 'One unreferenced timer over a deadline index; entries in the window expire too.',
  'HAZARD-17-ORDER': 'Events are in order per URI and flushed before the public call returns.',
  'HAZARD-18': 'With an injected clock there is no background work; sync() does it inline.',
  'HAZARD-19': 'Without session or verified authorization only public patterns are cached.',
  'HAZARD-19-SESSION': 'A stdio or in-memory connection is one session, with an id of its own.',
  'HAZARD-20':
    'Ready bytes leave room for id and remaining time; what is odd in any respect goes through the SDK.',
  'HAZARD-19-AUTHORIZE': 'authorize(context, uri) runs before every hit.',
  'HAZARD-14': 'Version words keep near maps coherent: absent keys, bulk, eviction and expiry too.',
  'HAZARD-15-THREADS':
    'Loads obey the rules over threads: detached, tagged, aborted, failed, orphaned.',
  'HAZARD-16': 'What one caller does to a value shows nowhere else.',
  'HAZARD-6-NATIVE': 'Near hits of all threads count, each.',
  'HAZARD-13-NATIVE': 'lru in native loses no hit and drains all before it evicts.',
  'HAZARD-3': 'A second copy of the package in a process is refused named stores, by both names.',
  'HAZARD-3-COPIES': 'Copies are told apart by the loader’s list; the first has the names.',
  'HAZARD-18-NATIVE':
    'A named store refuses a clock; with one of its own a store does no background work.',
  'HAZARD-1-NATIVE': 'What a thread has open is given back when it ends.',
  'HAZARD-17-NATIVE': 'Deadlines in Rust wake each thread that listens, which none keeps alive.',
  'HAZARD-17-QUEUE': 'What waits for a halted thread is bounded; what overflows is counted.',
  'HAZARD-12':
    'A set that has returned is readable, and bounds and counters are exact, over threads too.',
  'HAZARD-5-NATIVE':
    'Native stores expire rightly where readings begin anew, and after a sleep of the clock.',
});

const native = list('milestone-4', 'test', {
  'NATIVE-ILL-FORMED':
    'URIs and tags with lone surrogates are refused, never taken for one another',
  'NATIVE-ONE-LOAD': 'One load per URI over all threads; what others do meanwhile overtakes it.',
  'NATIVE-ORPHANED-LOAD':
    'When the thread of a load ends, those that wait go on at once with their own loader.',
  'NATIVE-SHARED-NAME':
    'Threads that open one name see one store: the next read sees what another has done.',
  'NATIVE-FROZEN':
    'Native storage gives frozen data and buffers of the caller’s own, in each thread.',
  'NATIVE-NEAR-NO-CALL': 'A near hit makes no call into the addon.',
  'NATIVE-NEAR-BOUND': 'The near map is bounded in entries and bytes.',
  'NATIVE-NEAR-COUNTS': 'Near hits are counted exactly, over threads too, and keep their order.',
  'PANIC-NATIVE':
    'A panic in a native store is told once; the store goes on, and garbage is never read.',
  'NATIVE-NAME-IN-USE':
    'Other bounds, policy or clock under a name throw ERR_GRANARY_NAME_IN_USE naming both.',
  'NATIVE-NAME-FREE': 'The last close, the end of its thread or its collection frees a name.',
  'NATIVE-EVENTS':
    'Each handle that listens gets each event of all threads once, in order per URI.',
});

const dumps = list('milestone-4', 'test', {
  'VALUE-ROUND-TRIP': 'What structured clone keeps of a value comes back from its bytes, equal.',
  'VALUE-TEXT': 'Every string comes back as it was, those with lone surrogates too.',
  'VALUE-JSON': 'A value is held as JSON only where JSON keeps all of it, read once.',
  'VALUE-OWN-MEMORY': 'Decoded JSON is frozen throughout; all else has memory of its own.',
  'NOT-CLONEABLE': 'What cannot be cloned throws ERR_GRANARY_NOT_CLONEABLE with the URI.',
  'DUMP-ROUND-TRIP':
    'A dump restores values, times, counts, weights and tags of all living entries.',
  'DUMP-WALL-TIME': 'Lives go on by wall time: what has expired since the dump is dropped.',
  'DUMP-REFUSED':
    'A truncated or altered dump is refused whole, with ERR_GRANARY_BAD_DUMP; the cache stays as it was.',
  'DUMP-EARLIER-FORMAT': 'A dump of the format before is read.',
  'DUMP-HOSTILE': 'Lengths and numbers in a dump are checked before anything is made of them.',
  'DUMP-NEWER-WINS': 'What is held, or set or invalidated during a restore, wins over the dump.',
  'DUMP-BOUNDS': 'Bounds hold throughout a restore; too large entries are skipped and counted.',
  'DUMP-ORDER': 'A restored lru cache evicts in the same order as the one that was dumped.',
  'DUMP-CONSISTENT': 'A dump taken while writes go on is consistent per entry.',
  'DUMP-UNFIT': 'Entries that cannot be dumped are left out, and the logger is told how many.',
  'DUMP-EVENTS': 'A restore fires neither loaded nor accessed; evictions tell evicted.',
  'DUMP-SLICES': 'Dumps and restores let other work of the thread in.',
  'DUMP-SPOOL':
    'A large dump is spooled to a private temporary file that is gone in every outcome.',
  'DUMP-PARTITIONS': 'invalidate drops restored entries of every partition.',
  'SERVE-STATE': 'serve --state FILE starts with what the last run had cached, and saves it.',
  'SERVE-STATE-CURRENT': 'What changed while the server was down is never served as it was.',
  'SERVE-STATE-SAFE':
    'The state is replaced whole or not at all, private to its user; a bad one is put aside and told of.',
  'NATIVE-RSS-CLEAR':
    'After clear() or expiry with sync(), or after close(), RSS is within 10 % of the growth of before.',
  'NATIVE-RSS-IDLE': 'What has expired or was cleared goes back to the system while nobody calls.',
  'NATIVE-RSS-BOUND': 'RSS follows the bounds within a stated margin while keys come and go.',
  'NATIVE-OVERHEAD': 'Rust holds weightBytes and a stated overhead an entry, within 15 %.',
  'HAZARD-21-VERSION': 'Clones carry the version of their format; a newer one is no value.',
});

const dumpsDeep = list('milestone-4', 'deep', {
  'DUMP-BOUNDED': 'A dump and a restore of 1 GB take little memory beside what the cache holds.',
});

const sharedManagers = list('milestone-4', 'test', {
  'NATIVE-SHARED-MANAGER':
    'Managers over one named store drop all partitions, whichever thread has or loads them.',
  'NATIVE-SHARED-WATCH':
    'A watch or a subscriber hears of what another thread of the store has dropped or loaded anew.',
});

const benches = list('milestone-5', 'test', {
  'BENCH-HIT-RATIO':
    'bench:hit-ratio replays any trace on every contender, settled and live, and writes the rows.',
  'BENCH-HIT-RATIO-WEIGHTED': 'With --weighted, capacities and what fits are in bytes.',
  'BENCH-HIT-RATIO-ANSWERS':
    'bench:hit-ratio fails where granary-lru is not lru-cache hit for hit, or the best is passed.',
  'BENCH-HIT-RATIO-REFUSES':
    'bench:hit-ratio refuses bad arguments and lines with code 2, naming the value or the line.',
});

const deep = list('milestone-1', 'deep', {
  'CHECK-COVERS': 'npm run check: format, lint, types, clippy, unused code, package lint.',
  'DEEP-FRESH-CLONE': 'npm run demo and npm test set themselves up in a fresh clone.',
  'DEEP-SOAK': 'A minute of caches opened, used, closed, dropped and workers ended leaks nothing.',
  'DEEP-STRESS': 'Millions of sets at full speed keep bounds, counters and events consistent.',
  'DEEP-MODEL': 'Thousands of random runs agree with a plain-Map model.',
  'DEEP-HOIST': 'On each supported Node, an optimised loop sees the clock word change.',
  'DEEP-CLOCK': 'A model checker finds no order in which a reading is wrong or goes back.',
  'DEMO-RUN': 'npm run demo passes its own checks in under 60 s and names its report.',
  'DEMO-FAILS': 'A check of the demo that fails makes it exit non-zero.',
});

const nativeDeep = list('milestone-4', 'deep', {
  'NATIVE-500-WORKERS':
    '500 workers ended at random under load leave the store sound and leak nothing.',
  'DEEP-COHERENCE':
    'Over millions of operations no read gives less than what had returned before it.',
  'HAZARD-14-VERSIONS': 'A model checker runs every order of writer and near reader.',
});

const hotPath = list('milestone-5', 'test', {
  'CLOCK-MODEL': 'The clock word agrees with a plain model over random ticks, sleeps and rebases.',
  'BENCH-TABLES':
    'Tables and charts of the benches are what the stored results give, lost rows too.',
  'BENCH-RUN': 'npm run bench runs what it is told, goes on after a failure and names it.',
});

const hotPathDeep = list('milestone-5', 'deep', {
  'DEEP-ADDRESS-SANITIZER': 'The tests of the crates pass under address sanitizer.',
  'DEEP-SOAK-THREADS':
    'A minute of 4 threads that open, use, close and end at random leaks nothing and crashes never.',
  'FLOOD-BOUNDS': 'A flood of 10 million new keys passes no bound at any observation.',
  'FLOOD-CPU': 'That flood costs at most 2.5 times the processor time that it costs lru-cache.',
  'FLOOD-RSS': 'Under that flood memory is flat after the first million.',
});

const adapters = list('milestone-6', 'test', {
  'KEYV-SUITE': 'GranaryKeyvStore passes @keyv/test-suite and its tests of iterators.',
  'KEYV-KEYS': 'Any string is a key of GranaryKeyvStore, under a URI that no other has.',
  'KEYV-NAMESPACES': 'A Keyv clears and lists its own namespace and nothing else of the cache.',
  'KEYV-TTL': 'Without a TTL of Keyv’s a value lives for ever, or as a cache that is given has it.',
  'KEYV-MANY': 'Many keys are set, got, asked for and dropped as each by itself.',
  'KEYV-VALUES': 'Keyv gets back what it gave, is told what is not kept, and every call counts.',
  'KEYV-CLOSE': 'disconnect closes the cache that the store made, and no other.',
  'KEYV-OPTIONS': 'Bad options, keys and namespaces are refused by name.',
  'CACHE-MANAGER':
    'cache-manager works on GranaryKeyvStore: TTLs, wrap, refresh, many keys, several stores.',
  'BENTO-SUITE':
    'granaryDriver passes the driver test suite of BentoCache, as first and second level.',
  'BENTO-STORE':
    'BentoCache works on granaryDriver: TTLs, grace, expire, tags, namespaces, both levels.',
  'BENTO-TYPES': 'What granaryDriver returns is what the types of BentoCache ask for.',
  'BENTO-KEYS': 'Any string is a key of granaryDriver; clear drops its prefix and nothing else.',
  'BENTO-CLOSE': 'disconnect closes the cache that the driver made, and no other.',
  'BENTO-OPTIONS': 'Bad options of granaryDriver are refused by name, where they are given.',
});

const sampler = list('milestone-7', 'test', {
  'SAMPLE-PARTS': 'A sample holds what was asked for, and nothing else.',
  'SAMPLE-TRUTH':
    'Memory, CPU time, descriptors and sockets of a process whose use is known are told as they are.',
  'SAMPLE-TREE': 'Descendants are found, and a process that has ended is not sampled.',
  'SAMPLE-OPTIONS': 'What cannot be sampled is refused, naming the option and what is allowed.',
});

const tiersDeep = list('milestone-6', 'deep', {
  'TIER-FAULTS':
    'No fault of Redis makes anybody wait beyond the timeouts, loses an invalidation or leaves a stale value, and a table says what each does.',
});

const tiers = list('milestone-6', 'test', {
  'TIER-DEFAULTS':
    'Without options L1 keeps an entry for 1 minute and holds 1,000, and L2 keeps it for 15 minutes.',
  'TIER-KEYS':
    'Public entries stand in L2 under resource:{uri}; a partition or a later envelope is a further prefix.',
  'TIER-READ-ORDER':
    'A read goes to L1, then to L2, then to the origin, and fills what it has passed.',
  'TIER-L1-DEADLINE': 'The deadline of an L1 entry never exceeds that of its L2 entry.',
  'TIER-LOAD-MANY':
    'loadMany is one pass over L1, one round trip to L2 and one call of the bulk loader for the rest.',
  'TIER-ONE-TRIP':
    'getMany and setMany of RedisTier take one round trip each, however many entries.',
  'TIER-VALUES':
    'L2 gives back every value that JSON, or where it is trusted structured clone, expresses.',
  'TIER-COMPRESSED': 'Values above a size are compressed with zstd in L2.',
  'TIER-INFLATE-BOUND': 'Nothing from L2 is inflated beyond a bound.',
  'TIER-ENVELOPE': 'What is no entry of this version, or damaged, is a miss and never an error.',
  'TIER-CLIENTS': 'RedisTier takes a URL, TLS, a client, a cluster and sentinels.',
  'TIER-MISSING-PEER': 'Without node-redis RedisTier fails with an error that names the package.',
  'TIER-OPTIONS':
    'Bad options of tiers throw an error that names option, value and what is allowed.',
  'TIER-INVALIDATION':
    'An invalidation by URI, tag, template, prefix, RegExp or of all that has resolved holds in L2 for every process.',
  'TIER-INVALIDATION-COST': 'An invalidation writes once and looks for no keys, whatever L2 holds.',
  'TIER-OVERTAKEN':
    'What a load has brought is not served from L2 where a set or an invalidation came after it began, in whatever process.',
  'TIER-LOST-VERSIONS':
    'Where L2 has lost what was invalidated, or forgets it, what was older is invalid.',
  'TIER-APPLIED':
    'What others have invalidated is dropped from L1 with the next read of L2 at the latest.',
  'GRACE-FAIL-SAFE':
    'While the origin fails what has expired is served, for as long as graceMs, and the origin is asked again after graceRetryMs.',
  'GRACE-INVALIDATED':
    'Nothing that was invalidated is served in grace, and what is set or invalidated overtakes loads behind.',
  'GRACE-REVALIDATE':
    'With staleWhileRevalidateMs what has expired is served at once while one load behind renews it.',
  'GRACE-SOFT-TIMEOUT':
    'After softTimeoutMs a caller gets what has expired, and the load goes on behind.',
  'GRACE-HARD-TIMEOUT': 'After hardTimeoutMs a load is aborted and has failed.',
  'GRACE-EAGER':
    'With eagerRefresh a hit late in the life of a value loads it anew, behind and once.',
  'GRACE-NEGATIVE': 'Failures are kept for negativeTtlMs, and not at all without.',
  'GRACE-ADAPTIVE-TTL': 'Grace begins where the time to live ends that the loader has given.',
  'GRACE-OPTIONS':
    'Bad options of grace throw an error that names option, value and what is allowed.',
  'TIER-COHERENT':
    'While Redis tells of changes, memory elsewhere has dropped what was set or invalidated within 50 ms.',
  'TIER-COHERENT-MANY':
    'With a cluster, sentinels or a pool of clients memory drops as promptly what others change.',
  'TIER-REPLICAS':
    'With replicas an invalidation counts as told when as many replicas have it, and is repeated until then.',
  'TIER-COHERENT-OWN': 'What a process has written itself stays in its memory.',
  'TIER-COHERENT-LOST':
    'Without the connection memory is served on or flushed, by option, and not trusted when it is back.',
  'TIER-FAILURE':
    'Without L2 loads go to the origin; no caller fails, or waits beyond tierTimeoutMs.',
  'TIER-BREAKER':
    'After some failures in a row L2 is left alone for a while, then tried with one call.',
  'TIER-REPLAY':
    'A write or invalidation that failed is made up for when L2 is back: the last write of a key, unless L2 holds a newer one.',
  'TIER-REPLAY-BOUND':
    'What waits for L2 is bounded; beyond that everything is invalidated instead.',
  'TIER-STAMPEDE':
    'Many callers in many processes that lack one entry cost one load of the origin, on one server, a cluster or sentinels.',
  'TIER-STAMPEDE-PROMPT':
    'Who waits for the load of another process has its value, or its failure, within 150 ms.',
  'TIER-STAMPEDE-LEASE':
    'A process that dies while it loads delays the others by its lease at most.',
  'TIER-STAMPEDE-FENCE': 'A load whose lease has run out overwrites nothing newer, in any level.',
  'TIER-STAMPEDE-PATIENCE':
    'Nobody waits for others without Redis, after his own signal, or for a third holder.',
  'TIER-TOLD': 'What happens between the levels has an event and a counter.',
  'TIER-KEYV': 'KeyvTier takes a Keyv, a storage adapter of it, or a Map as L2.',
  'TIER-MANAGER':
    'ResourceManager reads through L1, L2 and the origin, and invalidates in both levels.',
  'HAZARD-19-TIER': 'No principal, session or token stands in clear in L2.',
  'HAZARD-21-TRUST':
    'Bytes from L2 reach no deserializer of V8 unless the operator says that L2 is trusted.',
});

const isolations = list('milestone-7', 'test', {
  'ISOLATION-INLINE-CPU':
    'The CPU time of an inline tool is within 20 % of the truth where calls overlap.',
  'ISOLATION-INLINE-SOCKETS':
    'The sockets that an inline tool has opened are known exactly while it runs.',
  'ISOLATION-INLINE-ESTIMATES':
    'Memory and descriptors of an inline tool are estimated, and called so.',
  'ISOLATION-CPU':
    'The CPU time of a tool in a worker or process, descendants included, is within 10 % of the truth.',
  'ISOLATION-MEMORY':
    'The memory of a tool in a process, and the heap and buffers of one in a worker, are within 10 % of the truth.',
  'ISOLATION-HANDLES':
    'Descriptors and sockets of a tool in a process are exact, in a worker as inline.',
  'ISOLATION-PASSES':
    'Arguments, results, progress and transferables reach a tool in a worker or process and come back.',
  'ISOLATION-KILL':
    'A tool in a worker or process that does not listen is ended, with all that it started.',
  'ISOLATION-CRASH': 'A tool that ends its worker or process fails alone, and tells how it ended.',
  'ISOLATION-PARENT': 'No tool outlives the process that started it, in whatever way that ends.',
  'ISOLATION-LEAKS':
    'What an execution leaves open is reported, with the stack of its opening by option, and closed when asked.',
  'ISOLATION-RETRY':
    'What is left open is closed with retries and back-off, then by force; what remains is told.',
  'ISOLATION-SIGNAL': 'An execution can be asked to stop, and is told why.',
  'ISOLATION-ERRORS': 'The error of a tool reaches its caller with its stack and cause.',
});

const limits = list('milestone-7', 'test', {
  'SAMPLE-WATCH':
    'A tree of processes is watched from a native thread, and read from shared memory: memory, CPU, descriptors, sockets.',
  'SAMPLE-WATCH-LIFE':
    'A watch outlives neither its process, nor its thread, nor its owner, and a number that is used again is no other.',
  'SAMPLE-UNBLOCKED':
    'To sample a process with 5,000 descriptors holds the JS thread up for no more than 1 ms.',
  'TRACKER-SUM':
    'What the tools use and what is nobody’s make up what the process uses, under mixed load too.',
  'TRACKER-SHARED':
    'What is nobody’s stays within 10 % of the idle process under tools of known use.',
  'TRACKER-EXECUTIONS': 'Each execution is known with its use, while it runs and after.',
  'TRACKER-HISTORY':
    'The history of a tool is kept by the second for minutes and by the minute for a day, bounded, and loses nothing.',
  'LIMITS-DEFAULTS': 'A tool has the limits of the seed where nothing else is said.',
  'LIMITS-STATUS':
    'A tool is normal, at warning (80 %), critical (95 %) or emergency (100 %), and each change is told.',
  'LIMITS-DWELL':
    'A status is left after a dwell below a gap: noise at a threshold changes nothing.',
  'LIMITS-BACK-OFF':
    'A tool that gets into an emergency again and again, none of its executions completed in between, stays in it longer each time.',
  'FAIR-P99':
    'Beside a tool that is ended again and again, nine others have a p99 within 1.2 times of that without it.',
  'LIMITS-CRITICAL': 'At critical new executions wait, or are refused, by option.',
  'LIMITS-WAITING': 'How many executions wait, and for how long, is bounded.',
  'LIMITS-RAISE':
    'Near a limit below its maximum a raise is asked for; what follows happens where it is denied.',
  'LIMITS-EMERGENCY':
    'At its limit a tool is refused, and its execution ended: asked first, then by force.',
  'LIMITS-FORK-BOMB': 'A fork bomb of 20 children is ended, and nothing of it survives.',
  'LIMITS-ESTIMATES': 'Estimates raise status and events only, unless they are to act.',
  'LIMITS-DEADLINE': 'A limit is enforced within 250 ms of crossing it.',
  'LIMITS-WALLS':
    'Walls of memory and processes are set where the control group was delegated; else that is said once.',
  'PRESSURE-GAUGE': 'Memory of the process is gauged against its limit.',
  'PRESSURE-DURATION': 'Pressure has to last before anything is done about it.',
  'PRESSURE-ORDER':
    'Caches shrink first, then tools wait by priority, then they are refused; order and thresholds are options.',
  'PRESSURE-REAL': 'Under real pressure all of that happens, and is taken back.',
  'GOVERNOR-ABORT':
    'An execution is ended after its time or when its caller leaves, who never waits for ever.',
  'GOVERNOR-CONCURRENT':
    '10,000 concurrent executions of 100 tools neither dead-lock nor lose an update.',
  'GOVERNOR-CLEANUP':
    'Leaks are told of, and what could not be closed is an event and an entry in the log.',
  'GOVERNOR-REMOVE': 'A removed tool leaves nothing running, waiting or known.',
  'GOVERNOR-CLOSE': 'A closed governor leaves nothing running.',
  'GOVERNOR-OPTIONS': 'Bad options are refused, naming option, value and what is allowed.',
  'GOVERN-PROCESS': 'A process that somebody else started is measured and limited like a tool.',
  'GOVERN-TOOLS': 'Tools of an McpServer, registered before or after, run through the governor.',
  'GOVERN-TOOLS-CANCEL': 'A client’s cancellation aborts the signal of the tool.',
  'GOVERN-TOOLS-REFUSAL':
    'A refusal is a tool error that says what was exceeded and when to try again.',
  'GOVERN-TOOLS-MODULE':
    'A tool of a server may run in a process, with checked arguments and progress.',
  'GOVERN-TOOLS-OPTIONS': 'Bad options of governTools are refused.',
});

const isolationsDeep = list('milestone-7', 'deep', {
  'ISOLATION-CHAOS':
    'After 1,000 executions that throw, hang, leak, exit and crash there is no child, descriptor, socket or timer more than before.',
});

const adaptiveLimits = list('milestone-8', 'test', {
  'LIMITS-RAISED-AT-ONCE':
    'A limit is raised by the next adjustment after use above it, and covers that use.',
  'LIMITS-LOWERED-SLOWLY':
    'A limit is not below a peak of the last day, and is lowered by two fifths in half an hour at most.',
  'LIMITS-HYSTERESIS':
    'A limit is not lowered for less than a twentieth of it, nor raised for less than a fiftieth that nothing needs.',
  'LIMITS-GROWTH':
    'A limit is raised ahead of steady growth that was seen for an hour, before use exceeds it.',
  'LIMITS-SEASON':
    'A daily season that has proven itself bounds a limit between its peaks, which is raised ahead of each.',
  'LIMITS-MEMORY': 'A limit keeps the peak of a week, to a tenth above that of the day.',
  'LIMITS-HEADROOM':
    'Headroom is a quarter of the spread of use, and 8 % of the peak at most before a violation.',
  'LIMITS-TAUGHT': 'A violation widens the headroom, which is forgotten by half in 6 hours.',
  'LIMITS-BOUNDS': 'A limit stays between base and maximum, and is never below what runs.',
  'LIMITS-BENCH':
    'bench:limits judges each limit by what was before it, behind the warm-up, on any series given.',
  'FORECAST-CHOICE':
    'A forecast is by the model that did best on the series’ own past, never by one that did worse there than the last value.',
  'FORECAST-INTERVAL':
    'The interval of a forecast holds about the share of samples that was asked for, and the point.',
  'FORECAST-SHORT':
    'A series that is too short to test models on is forecast by its last value, with a wide interval.',
  'FORECAST-REFUSAL':
    'A value that is no finite number, and a bad option of a forecast, is refused by name.',
  'FORECAST-THREAD': 'Forecasting does not hold up the JS thread.',
  'FORECAST-BENCH':
    'bench:forecast tells each origin only what was before it, and granary errs less than seasonal-naive and a straight line.',
  'LIMITS-REASON': 'Each change of a limit comes with its cause, and its reason in numbers.',
  'PATTERN-KINDS':
    'Steady use, growth, bursts and seasons are told apart with precision and recall of at least 0.9 each.',
  'PATTERN-CONFUSION': 'The confusion table of labelled series stands in the docs, and is true.',
  'PATTERN-TREND': 'A trend is told with its error.',
  'PATTERN-SEASON': 'A season is told with its period and profile, from two whole periods on.',
  'PATTERN-BURST': 'Short peaks far above the rest are counted.',
  'PATTERN-SHIFT': 'What was before a level that has changed for good does not count.',
  'PATTERN-BOUNDED': 'What is kept of a resource of a tool is at most 16 kB.',
  'PATTERN-COST': 'A sample of a resource costs at most 50 µs, analysis included.',
  'PATTERN-SAVED': 'Patterns and limits are saved, versioned and checksummed, and restored.',
  'PATTERN-PUBLIC':
    'pattern(toolId) tells mean, trend, season, kind and evidence of each resource.',
  'PATTERN-OFF': 'Without patternTracking limits stay, and nothing is learned.',
  'PATTERN-BACK-OFF': 'Analysis is less frequent while the machine is loaded.',
  'ADAPT-RAISE': 'A limit below its maximum is raised at once when a tool needs it.',
  'ADAPT-GROWTH': 'A limit is raised ahead of growth, with the time at which it would be reached.',
  'ADAPT-SEASON': 'A limit is raised ahead of the peak of a season of any length.',
  'POOL-SCALING':
    'As many threads and processes wait as were in use at once lately; one that is lost meanwhile is replaced, what is not needed ends, and all do when memory is short.',
  'FAIR-CPU':
    'A process of a tool at critical or emergency leaves the CPU to others, and is not used again.',
  'FACTORS-USED':
    'Other resources and the load of the process are used for what is foreseen where they lower its error.',
  'FACTORS-NOT-USED': 'Where other resources tell nothing, they are not used.',
  'FACTORS-BOUND':
    'Nineteen of twenty samples are below the bound that is foreseen, learned from its own errors.',
  'TUNED-RANGES': 'What tunes itself stays within the ranges that the docs name, whatever is used.',
  'ADAPT-FORECAST':
    'forecast(toolId, resource) tells what a tool will use, with an interval, by the model that did best on its own past.',
  'CPU-COMPLEXITY':
    'An execution may use the CPU time that the size of its arguments explains, up to the maximum of its tool.',
  'ADAPT-ADVICE': 'advice(toolId) says what could be set better, with evidence.',
});

const top = list('milestone-8', 'test', {
  'TOP-ENDPOINT':
    'inspect() opens a socket that tells how tools and caches stand, at once and each interval that a client names.',
  'TOP-SNAPSHOT': 'A snapshot tells what tools that run use, as the governor measures it.',
  'TOP-DIRECTORY':
    'A socket lies in a directory, mode 0700, of its user’s own; another one, or a link, is refused by both sides.',
  'TOP-STALE':
    'Sockets that killed processes have left are removed; one on which somebody listens never is.',
  'TOP-HOSTILE':
    'Garbage, lines without an end, readers that do not read and too many clients cost bounded memory and stop nobody else.',
  'TOP-UNREF': 'An endpoint keeps no process alive, and its socket is gone when that has ended.',
  'TOP-OPTIONS': 'Bad options of inspect are refused, naming option, value and what is allowed.',
  'TOP-SERVE': 'granary serve can be watched, unless --no-inspect is given.',
  'TOP-CHOOSE':
    'granary top shows the only server, or the one named; of several it names them, with code 2; of none it says so, with code 1.',
  'TOP-PLAIN':
    'Where there is no terminal, granary top writes tools and caches as plain text, once.',
  'TOP-JSON': 'granary top --json writes a snapshot a line.',
  'TOP-ENDED': 'A server that ends while it is watched is told, with code 0.',
  'TOP-VIEW':
    'What is drawn fits the width of the terminal, and no text of a server commands the terminal.',
  'TOP-TERMINAL':
    'On a terminal granary top draws anew each interval and on resize, and leaves it as it was, however it ends.',
  'TOP-USAGE':
    'granary top called wrongly names the option, the value and what is allowed, with code 2.',
});

const responseStore = list('milestone-9', 'test', {
  'RESPONSE-STORE-CONTRACT':
    'GranaryResponseCacheStore is a ResponseCacheStore: what was written comes back with its hints and a greater stamp, and is dropped by key, method or altogether.',
  'RESPONSE-STORE-HINTS': 'A v2 client over it asks once for as long as the server says.',
  'RESPONSE-STORE-PARTITIONS':
    'What is private is found by its own partition alone, which stands in no key in the clear; what is public by all of its server.',
  'RESPONSE-STORE-CHANGES':
    'resources/updated and list_changed drop what they name, and nothing else.',
  'RESPONSE-STORE-BYTES':
    'Lists and reads together stay within maxBytes, 64 MiB by default, with what keeping them costs.',
  'RESPONSE-STORE-LISTS': 'No read displaces a list in a store with memory of its own.',
  'RESPONSE-STORE-EXPIRY': 'What has expired is freed, but the list of tools, which calls need.',
  'RESPONSE-STORE-STATS': 'Its statistics tell fresh, stale and missing responses apart.',
  'RESPONSE-STORE-SHARED':
    'Stores may share one cache, with others too, and tell namespaces apart.',
  'RESPONSE-STORE-SINGLE-FLIGHT':
    'Equal requests of a coalesced client at the same time are one request, also where nothing may be cached; none is joined from after a change.',
  'RESPONSE-STORE-OPTIONS': 'Bad options and responses are refused by name; so is a closed store.',
});

const revalidation = list('milestone-9', 'test', {
  'REVALIDATE-UNCHANGED':
    'A loader that gave a validator is asked by it once the entry has expired; what it finds unchanged lives anew as it was.',
  'REVALIDATE-CHANGED': 'What has changed replaces the entry and its validator.',
  'REVALIDATE-EVENTS': 'An unchanged value is accessed, not loaded.',
  'REVALIDATE-NEVER-SERVED': 'What is kept to be revalidated is served to nobody before.',
  'REVALIDATE-WINDOW':
    'It is kept for staleTtlMs beyond its time to live, and only where it has a validator.',
  'REVALIDATE-INVALIDATED':
    'What is invalidated or overwritten is asked about no more, also while the loader is asked.',
  'REVALIDATE-BOUNDS': 'It counts in both bounds, and leaves before anything that lives.',
  'REVALIDATE-MANY': 'loadMany asks about what has expired in its one call.',
  'REVALIDATE-INPUT': 'A bad validator, and an answer about nothing, are clear errors.',
  'REVALIDATE-DUMP': 'Validators, and what may be revalidated, survive a dump and a restore.',
  'REVALIDATE-THREADS': 'Threads that share a store share what may be revalidated.',
  'REVALIDATE-TIERS':
    'Validators travel in the second level: another process asks by them, and writes back what is unchanged.',
  'REVALIDATE-GRACE':
    'Loads behind stale-while-revalidate, fail-safe and eager refresh ask by validators too.',
  'REVALIDATE-MANAGER':
    'A loader of a pattern may give etag or lastModified beside its contents, which clients do not see.',
  'REVALIDATE-PARTITIONS':
    'An invalidation by URI, tag or pattern reaches what may be revalidated in every partition.',
  'REVALIDATE-FILES': 'granary serve asks a file for its version before it reads it again.',
});

const mutations = list('milestone-9', 'test', {
  'MUTATE-EVICTS':
    'A call of a tool that succeeds drops what it changes, before its client hears of the success.',
  'EVENTS-CACHED-CONTENT':
    'Clients of both eras that have subscribed hear of other content that a read through cacheServer has brought, and of what its tools and invalidations drop.',
  'MUTATE-LISTS': 'A tool that changes lists drops them and has all clients told.',
  'MUTATE-NOTIFIES':
    'Whoever has subscribed to what was changed is told, and nobody else, by whichever server shares the cache.',
  'MUTATE-FAILURE': 'A call that fails drops nothing and tells nobody.',
  'MUTATE-ARGUMENTS': 'Variables of a template stand for what the call has as arguments.',
  'MUTATE-TASKS': 'A call that goes on as a task drops when its completion is told.',
  'MUTATE-INPUT': 'A bad target is an error that names the tool.',
});

const admission = list('milestone-8', 'test', {
  'ADMIT-PROCESS':
    'What child processes hold, and are expected to, is reserved beside what this process holds.',
  'ADMIT-RESERVED':
    'What an execution is expected to need is reserved before it begins; the sum of that and the rest stays within the means.',
  'ADMIT-IDLE': 'An execution that does not fit begins all the same where nothing else runs.',
  'ADMIT-FAIR':
    'Smaller executions overtake one that does not fit a few times, then wait behind it.',
  'ADMIT-LEAVE': 'Who waits leaves by signal, patience, removal of the tool, and closing.',
  'ADMIT-LEARNED': 'A prediction bounds its share of peaks, also when a tool changes.',
  'ADMIT-EXPLAINED':
    'Argument size and load are followed where they lower the error, and where they do not, not.',
  'ADMIT-COLD': 'A tool that is not known needs what was said, or its base limit.',
  'ADMIT-REASON': 'Who waits is told of, with what is missing and what that rests on in numbers.',
  'ADMIT-BOUNDED': 'What is learned of a resource of a tool takes at most 4 kB.',
  'ADMIT-OPTIONS': 'Bad options of admission are refused; false reserves nothing.',
  'ADMIT-CPU': 'No more executions begin than there are cores for, and one a second all the same.',
  'ADMIT-BENCH': 'bench:admission has all contenders do the same jobs with the right answers.',
});

const proxy = list('milestone-9', 'test', {
  'PROXY-PASS':
    'All that an upstream offers passes: tools, prompts, resources, completions, logging, sampling, elicitation, roots, progress, cancellation, subscriptions.',
  'PROXY-CACHE':
    'Reads and lists are answered from the cache; older revisions see no foreign field.',
  'PROXY-TOOLS': 'Results of tools are kept for those that are named alone, and no errors.',
  'PROXY-MUTATES':
    'What a successful call of a tool changes, by the word of the operator, is dropped for all clients and told to those who have subscribed.',
  'PROXY-TASKS':
    'Tasks pass: calls that make them, what is asked of them, their status, what they ask; none of it is kept.',
  'PROXY-HINTS':
    'Hints of an upstream bound the time to live, and clients are told what remains of it.',
  'PROXY-RULES': 'Rules by URI say what is kept, for whom and how long.',
  'PROXY-EVICT': 'What an upstream says has changed is dropped, and then told.',
  'PROXY-RESTART':
    'An upstream that ends is started again and told what its client had told it; reads are asked anew, all else fails with a reason.',
  'PROXY-FAIL-SAFE': 'While the upstream is away, what has expired is served where it may, marked.',
  'PROXY-GIVE-UP': 'An upstream that never says anything ends the proxy, with code 1.',
  'PROXY-END': 'Signals and the end of input end it, with its upstream, after the answers.',
  'PROXY-HTTP': 'HTTP clients are served as they are over stdio, sessions and single requests.',
  'PROXY-GUARD': 'Requests that name another machine as their host or origin are refused.',
  'PROXY-HOST':
    'Other machines are served where the operator asks for it and names who may be named; that nothing is authorized is said.',
  'PROXY-RESUME':
    'A client of a session that comes back with Last-Event-ID is given what it has missed of that stream, as far as a bound in events and bytes allows.',
  'PROXY-PRIVATE': 'What one client was answered is given to no other, unless it is public.',
  'PROXY-PUBLIC': 'What is public is asked for once, whoever asks.',
  'PROXY-URL': 'An upstream over Streamable HTTP is served, on all revisions, and survived.',
  'PROXY-TOKENS': "Clients' tokens go on to the upstream where that is configured, and never else.",
  'PROXY-LIMITS': 'An upstream is measured; beyond a limit it is ended and started again.',
  'PROXY-BOUNDED':
    'Messages that are too large are refused, slow clients hold up nobody and fill no memory, and processes are bounded in number.',
  'PROXY-OPTIONS': 'Flags and config file are checked; errors name key, value and what is allowed.',
  'PROXY-EXPLAIN': '--explain tells whether, why and how long a URI would be cached.',
  'PROXY-LOG': 'Logs go to stderr, as JSON where asked for; nothing but protocol goes to stdout.',
});

const hostile = list('milestone-9', 'test', {
  'HOSTILE-STDIO':
    'Over stdio no input ends a server: what is no request is dropped, what is one has an answer with the code of its error.',
  'HOSTILE-HTTP':
    'Over HTTP the same, with a status that says why; no request is waited for without end, and the sessions of clients that left make room for others.',
});

const specification = list('milestone-9', 'test', {
  'SPEC-MUSTS':
    'Each MUST of the specification that binds a server is listed with the test or the scenario of the official suite that holds it, or with whom it is left to.',
});

const hostileDeep = list('milestone-9', 'deep', {
  'HOSTILE-BOUNDED':
    'A line of 100 MB, and a client that asks and does not read, are held within a stated bound.',
  'HOSTILE-SESSIONS': '1,000 sessions opened and dropped leave neither memory nor descriptors.',
});

const conformanceDeep = list('milestone-9', 'deep', {
  'CONFORMANCE-SUITE':
    'npm run test:conformance: no server fails a check of the official suite with granary, or behind granary proxy, that it passes by itself.',
  'CONFORMANCE-RESOURCES':
    'All scenarios of resources and caching pass, for 2025-11-25 and 2026-07-28.',
});

export const requirements: readonly Requirement[] = [
  ...seedCache,
  ...seedRegistry,
  ...seedEvents,
  ...departures,
  ...project,
  ...cache,
  ...registry,
  ...mcp,
  ...cacheServer,
  ...readyBytes,
  ...sdkGenerations,
  ...hazards,
  ...native,
  ...nativeDeep,
  ...dumps,
  ...dumpsDeep,
  ...sharedManagers,
  ...benches,
  ...deep,
  ...hotPath,
  ...hotPathDeep,
  ...tiersDeep,
  ...sampler,
  ...adapters,
  ...tiers,
  ...isolations,
  ...limits,
  ...isolationsDeep,
  ...adaptiveLimits,
  ...top,
  ...responseStore,
  ...revalidation,
  ...mutations,
  ...admission,
  ...proxy,
  ...conformanceDeep,
  ...hostile,
  ...specification,
  ...hostileDeep,
];
