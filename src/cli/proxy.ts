import { describeError } from '../describe-value.ts';
import { GranaryError } from '../errors.ts';
import { inspect, type InspectionEndpoint } from '../governor/inspect/inspection-endpoint.ts';
import type { Logger } from '../logger.ts';
import type { Front } from '../proxy/front.ts';
import { HttpFront } from '../proxy/http-front.ts';
import { Proxy } from '../proxy/proxy.ts';
import { StdioFront } from '../proxy/stdio-front.ts';
import { keepStdoutClean } from './clean-stdout.ts';
import { CommandError } from './command-error.ts';
import type { HttpAddress } from './http-address.ts';
import type { ProxySettings } from './proxy-settings.ts';
import { StderrLogger } from './stderr-logger.ts';
import type { Termination } from './termination.ts';
import { UsageError } from './usage-error.ts';

/** What has not let go of the process by now never will. */
const LAST_CALL_MS = 2_000;

/**
 * Stands in front of a server until the client or a signal ends it.
 *
 * @throws (rejects with) `ERR_GRANARY_BAD_OPTION` for a rule or port that cannot be had;
 * `CommandError` where the server cannot be had
 */
export async function proxy(settings: ProxySettings, termination: Termination): Promise<void> {
  const logger = new StderrLogger(settings.log);
  keepStdoutClean(logger);
  const running = newProxy(settings, logger);
  const { explain } = settings;
  if (explain !== undefined) {
    const { explainCaching } = await import('./proxy-explain.ts');
    return explainCaching(running, explain, settings.isJson, termination);
  }
  const front = await openFront(running, settings, logger);
  // Without waiting: neither the first answers nor the end depend on it.
  const inspection = settings.isInspected ? openInspection(running, logger) : undefined;
  const reason = await Promise.race([termination.requested, front.ended]);
  logger.info('ending', { reason });
  await front.drain();
  await running.close();
  void inspection?.then((opened) => opened?.close());
  setTimeout(() => process.exit(), LAST_CALL_MS).unref();
  if (front.failed) throw new CommandError(reason);
}

function newProxy(settings: ProxySettings, logger: Logger): Proxy {
  const { maxMemoryBytes, maxCpuTimeMs, maxFileHandles, maxNetworkConnections } = settings;
  const limits = {
    ...(maxMemoryBytes !== undefined && { maxMemoryBytes }),
    ...(maxCpuTimeMs !== undefined && { maxCpuTimeMs }),
    ...(maxFileHandles !== undefined && { maxFileHandles }),
    ...(maxNetworkConnections !== undefined && { maxNetworkConnections }),
  };
  return new Proxy({ ...settings, limits, logger });
}

async function openFront(running: Proxy, settings: ProxySettings, logger: Logger): Promise<Front> {
  const { http, maxMessageBytes } = settings;
  if (http === undefined) {
    const { stdin: input, stdout: output } = process;
    const newRelay: ConstructorParameters<typeof StdioFront>[0]['newRelay'] = (client) =>
      running.newRelay(client, running.newUpstream(), true);
    logger.info('standing over stdio', {});
    return new StdioFront({ input, output, maxMessageBytes, newRelay, logger });
  }
  const front = await listen(running, settings, http, logger);
  logger.info('standing over HTTP', { url: front.url });
  if (!http.allowed.isLoopback) {
    logger.warn('other machines can reach this proxy, which has no authorization of its own', {
      host: http.host,
      advice: 'put a proxy that authorizes in front, and let nobody else reach this address',
    });
  }
  return front;
}

async function listen(
  running: Proxy,
  settings: ProxySettings,
  { host, port, allowed }: HttpAddress,
  logger: Logger,
): Promise<HttpFront> {
  const { forwardedHeaders, idleSessionMs, maxSessions, maxMessageBytes, resumeBytes } = settings;
  try {
    return await HttpFront.open({
      ...{
        host,
        port,
        allowed,
        forwardedHeaders,
        idleSessionMs,
        maxSessions,
        maxMessageBytes,
        resumeBytes,
      },
      ...{ proxy: running, logger },
      health: () => ({
        uptimeSeconds: Math.round(process.uptime()),
        cache: { ...running.store.cache.stats(), staleReplies: running.store.staleReplies },
      }),
    });
  } catch (error) {
    const { option, allowed: possible, value } = error instanceof GranaryError ? error.data : {};
    if (option !== 'port' && option !== 'host') throw error;
    const flag = option === 'port' ? '--http' : '--host';
    throw new UsageError(`${flag} must be ${String(possible)}, got ${String(value)}`);
  }
}

/** Serving does not depend on it. */
async function openInspection(
  { governor, store }: Proxy,
  logger: Logger,
): Promise<InspectionEndpoint | undefined> {
  try {
    return await inspect({ name: 'proxy', governor, caches: { answers: store.cache } });
  } catch (error) {
    logger.warn('granary top cannot see this proxy', { error: describeError(error) });
    return undefined;
  }
}
