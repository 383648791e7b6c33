import { ResourceCache } from '../cache/resource-cache.ts';
import { describeError } from '../describe-value.ts';
import { GranaryError } from '../errors.ts';
import { isBelow } from '../files/confined-file.ts';
import { FileOrigin } from '../files/file-origin.ts';
import { inspect, type InspectionEndpoint } from '../governor/inspect/inspection-endpoint.ts';
import type { Logger } from '../logger.ts';
import type { ReadResult } from '../manager/read-result.ts';
import { ResourceManager } from '../manager/resource-manager.ts';
import type { Endpoint } from '../mcp/endpoint.ts';
import { HttpEndpoint, type HttpEndpointOptions } from '../mcp/http-endpoint.ts';
import { createServer } from '../mcp/served-server.ts';
import { StdioEndpoint } from '../mcp/stdio-endpoint.ts';
import { keepStdoutClean } from './clean-stdout.ts';
import { packageVersion } from './manifest.ts';
import type { ServeSettings } from './serve-settings.ts';
import { StateFile } from './state-file.ts';
import { StderrLogger } from './stderr-logger.ts';
import type { Termination } from './termination.ts';
import { UsageError } from './usage-error.ts';
import { WarmState } from './warm-state.ts';

const MAX_SESSIONS = 1_000;
/** What has not let go of the process by now never will. */
const LAST_CALL_MS = 2_000;

/**
 * Serves until the client or a signal ends it.
 *
 * @throws (rejects with) `ERR_GRANARY_BAD_OPTION` for a folder or port that cannot be served;
 * `ERR_GRANARY_MISSING_PEER` where the SDK is not installed
 */
export async function serve(settings: ServeSettings, termination: Termination): Promise<void> {
  const logger = new StderrLogger(settings.log);
  keepStdoutClean(logger);
  const { ttlMs, maxEntries, maxBytes, maxFileBytes, folder } = settings;
  using cache = new ResourceCache<ReadResult>({ ttlMs, maxEntries, maxBytes, logger });
  using manager = new ResourceManager({ cache });
  const versioned = settings.stateFile !== undefined;
  const origin = await FileOrigin.open(folder, manager, { maxFileBytes, logger, versioned });
  try {
    const state = await openState(settings, cache, origin, logger);
    const endpoint = await openEndpoint(settings, manager, origin, logger);
    origin.onListChange(() => endpoint.announceListChange());
    // Only now: going through a large folder would hold up the first answers.
    origin.watch();
    void state?.load();
    // Without waiting: neither the first answers nor the end depend on it.
    const inspection = settings.isInspected ? openInspection(cache, logger) : undefined;
    const reason = await Promise.race([
      termination.requested,
      endpoint.ended.then(() => 'end of input'),
    ]);
    logger.info('ending', { reason });
    await endpoint.drain();
    await state?.end();
    void inspection?.then((opened) => opened?.close());
  } finally {
    await origin.close();
  }
  setTimeout(() => process.exit(), LAST_CALL_MS).unref();
}

async function openEndpoint(
  settings: ServeSettings,
  manager: ResourceManager,
  origin: FileOrigin,
  logger: Logger,
): Promise<Endpoint> {
  const identity = { name: 'granary', version: packageVersion() };
  const newServer = () => createServer(identity, manager, { pageSize: settings.pageSize, logger });
  const { root: folder } = origin;
  if (settings.httpPort === undefined) {
    const { stdin: input, stdout: output } = process;
    const endpoint = await StdioEndpoint.open({ server: await newServer(), input, output, logger });
    logger.info('serving over stdio', { folder });
    return endpoint;
  }
  // Made once in advance: a missing SDK is to be told now, not to the first client.
  await newServer();
  const endpoint = await listen({
    port: settings.httpPort,
    createServer: newServer,
    idleSessionMs: settings.idleSessionMs,
    maxSessions: MAX_SESSIONS,
    logger,
    health: () => ({
      uptimeSeconds: Math.round(process.uptime()),
      files: origin.size,
      cache: manager.stats(),
    }),
  });
  logger.info('serving over HTTP', { folder, url: endpoint.url });
  return endpoint;
}

/** Serving does not depend on it. */
async function openInspection(
  cache: ResourceCache<ReadResult>,
  logger: Logger,
): Promise<InspectionEndpoint | undefined> {
  try {
    return await inspect({ name: 'serve', caches: { files: cache } });
  } catch (error) {
    logger.warn('granary top cannot see this server', { error: describeError(error) });
    return undefined;
  }
}

async function openState(
  { stateFile }: ServeSettings,
  cache: ResourceCache<ReadResult>,
  origin: FileOrigin,
  logger: Logger,
): Promise<WarmState | undefined> {
  if (stateFile === undefined) return undefined;
  const file = await StateFile.open(stateFile, logger);
  if (isBelow(origin.root, file.path)) {
    throw new UsageError(`--state must lie outside of DIR, which is served, got ${stateFile}`);
  }
  return new WarmState(file, cache, origin);
}

async function listen(options: HttpEndpointOptions): Promise<HttpEndpoint> {
  try {
    return await HttpEndpoint.open(options);
  } catch (error) {
    if (!(error instanceof GranaryError) || error.data['option'] !== 'port') throw error;
    const { allowed, value } = error.data;
    throw new UsageError(`--http must be ${String(allowed)}, got ${String(value)}`);
  }
}
